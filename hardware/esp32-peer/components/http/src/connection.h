#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * A connection whose every wait has a deadline: who answers a byte a second holds the device for as
 * long as it was told at most, and its watchdog is fed meanwhile.
 */
enum {
    CONNECTION_SILENCE_MS = 5 * 1000, /**< It fails sooner when nothing moves for so long. */
    CONNECTION_TICK_MS = 500,
    HOST_SIZE_MAX = 255,
    HTTP_HEAD_SIZE_MAX = 2048,
};

typedef struct {
    int socket;
    uint64_t end_ms;
    void (*tick)(void);
} connection_t;

/**
 * @param whole_ms  How long it may take in all.
 * @param tick      Called every CONNECTION_TICK_MS or sooner while it waits. May be NULL.
 */
bool connection_open(connection_t *connection, const char *host, const char *port, uint32_t whole_ms,
                     void (*tick)(void));
bool connection_send(const connection_t *connection, const void *bytes, size_t size);

/** Returns the bytes that came, 0 at the end or when the time is up. */
size_t connection_receive(const connection_t *connection, void *bytes, size_t room);
void connection_close(connection_t *connection);

/** What an answer of HTTP/1.0 or 1.1 begins with. */
typedef struct {
    char bytes[HTTP_HEAD_SIZE_MAX];
    size_t size, body_at; /**< Of the body, the bytes from body_at to size have come already. */
    uint32_t declared;    /**< The size of the whole body. */
} http_head_t;

/** False unless it is a 200 that says how long its body is. */
bool connection_read_head(const connection_t *connection, http_head_t *head);
