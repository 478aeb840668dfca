#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_GET_MS = 10 * 60 * 1000 }; /**< All of it, however slowly it comes. */

/** Who takes the body of an answer. Either says false to end it. */
typedef struct {
    void *context;
    bool (*begin)(void *context, size_t size); /**< So much will come. */
    bool (*take)(void *context, const uint8_t *bytes, size_t size);
} http_sink_t;

/**
 * One GET over a socket, on the chip and on this computer.
 *
 * @param url   http://HOST[:PORT][/PATH]; no redirect is followed.
 * @param tick  Called twice a second or more often while it waits: feeds a watchdog. May be NULL.
 * @return Whether a 200 came whole, and the sink took all of it.
 */
bool http_get(const char *url, const http_sink_t *sink, void (*tick)(void));
