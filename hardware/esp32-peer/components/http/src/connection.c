#ifndef ESP_PLATFORM
#define _POSIX_C_SOURCE 200809L
#endif
#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <strings.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/** Waits until the socket is ready; false if nothing moves, or the time is up. */
static bool wait_for(const connection_t *connection, short events)
{
    uint64_t now_ms = milliseconds(), end_ms = now_ms + CONNECTION_SILENCE_MS;

    if (end_ms > connection->end_ms) end_ms = connection->end_ms;
    for (; now_ms < end_ms; now_ms = milliseconds()) {
        struct pollfd file = { connection->socket, events, 0 };

        if (connection->tick != NULL) connection->tick();
        if (poll(&file, 1, CONNECTION_TICK_MS) > 0) return true;
    }
    return false;
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/** Whether the connection stands; waits for it. */
static bool is_connected(const connection_t *connection)
{
    int error = 0;
    socklen_t size = sizeof error;

    return wait_for(connection, POLLOUT)
           && getsockopt(connection->socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

bool connection_open(connection_t *connection, const char *host, const char *port, uint32_t whole_ms,
                     void (*tick)(void))
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    bool is_open = false;

    *connection = (connection_t){ .socket = -1, .end_ms = milliseconds() + whole_ms, .tick = tick };
    if (getaddrinfo(host, port, &hints, &found) != 0) return false;
    for (const struct addrinfo *at = found; at != NULL && !is_open; at = at->ai_next) {
        connection->socket = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
        if (connection->socket < 0) continue;
        is_open = fcntl(connection->socket, F_SETFL, O_NONBLOCK) == 0
                  && (connect(connection->socket, at->ai_addr, at->ai_addrlen) == 0
                      || (errno == EINPROGRESS && is_connected(connection)));
        if (!is_open) connection_close(connection);
    }
    freeaddrinfo(found);
    return is_open;
}

void connection_close(connection_t *connection)
{
    close(connection->socket);
    connection->socket = -1;
}

bool connection_send(const connection_t *connection, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0) {
        if (!wait_for(connection, POLLOUT)) return false;
        const ssize_t sent = send(connection->socket, at, size, MSG_NOSIGNAL);
        if (sent < 0 && would_block()) continue;
        if (sent <= 0) return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

size_t connection_receive(const connection_t *connection, void *bytes, size_t room)
{
    while (wait_for(connection, POLLIN)) {
        const ssize_t got = recv(connection->socket, bytes, room, 0);

        if (got < 0 && would_block()) continue;
        return got > 0 ? (size_t)got : 0;
    }
    return 0;
}

/** Digits to the end of the line, and no more than nine of them. */
static bool read_size(const char *text, uint32_t *size)
{
    size_t digits = 0;

    while (*text == ' ') text++;
    for (*size = 0; *text >= '0' && *text <= '9' && digits < 9; digits++) {
        *size = *size * 10 + (uint32_t)(*text++ - '0');
    }
    return digits > 0 && *text == '\r';
}

static bool is_understood(http_head_t *head)
{
    char *text = head->bytes;

    text[head->body_at - 2] = '\0'; /* Behind the end of the last line. */
    if (strncmp(text, "HTTP/1.1 200", 12) != 0 && strncmp(text, "HTTP/1.0 200", 12) != 0) return false;
    for (const char *line = text; (line = strstr(line, "\r\n")) != NULL;) {
        line += 2;
        if (strncasecmp(line, "content-length:", 15) == 0) return read_size(line + 15, &head->declared);
    }
    return false;
}

bool connection_read_head(const connection_t *connection, http_head_t *head)
{
    head->size = 0;
    while (head->size < sizeof head->bytes) {
        const size_t got = connection_receive(connection, head->bytes + head->size,
                                              sizeof head->bytes - head->size);

        if (got == 0) return false;
        head->size += got;
        for (size_t at = 0; at + 4 <= head->size; at++) {
            if (memcmp(head->bytes + at, "\r\n\r\n", 4) != 0) continue;
            head->body_at = at + 4;
            return is_understood(head) && head->size - head->body_at <= head->declared;
        }
    }
    return false;
}
