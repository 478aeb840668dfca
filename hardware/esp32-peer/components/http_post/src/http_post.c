/*
 * HTTP/1.1 as far as one POST needs it. Each socket is non-blocking and each wait has a deadline:
 * who answers a byte a second holds the device for twenty seconds, and its watchdog is fed meanwhile.
 */
#ifndef ESP_PLATFORM
#define _POSIX_C_SOURCE 200809L
#endif
#include "http/http_post.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_SIZE_MAX = 2048, PIECE_SIZE = 512 };

typedef struct {
    int socket;
    uint64_t end_ms; /* Of the whole exchange. */
    void (*tick)(void);
} connection_t;

static uint64_t milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/** Waits until the socket is ready; false if nothing moves, or the time is up. */
static bool wait_for(const connection_t *connection, short events)
{
    uint64_t now_ms = milliseconds(), end_ms = now_ms + HTTP_SILENCE_MS;

    if (end_ms > connection->end_ms) end_ms = connection->end_ms;
    for (; now_ms < end_ms; now_ms = milliseconds()) {
        struct pollfd file = { connection->socket, events, 0 };

        if (connection->tick != NULL) connection->tick();
        if (poll(&file, 1, HTTP_TICK_MS) > 0) return true;
    }
    return false;
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/** Splits http://HOST:PORT, whose form the core has checked; an IPv6 host loses its brackets. */
static void split(const char *address, char host[256], char port[6])
{
    const char *start = address + strlen("http://"), *colon = strrchr(start, ':');
    size_t size = (size_t)(colon - start);

    if (*start == '[') {
        start++;
        size -= 2;
    }
    snprintf(host, 256, "%.*s", (int)size, start);
    snprintf(port, 6, "%s", colon + 1);
}

/** Whether the connection stands; waits for it. */
static bool is_connected(const connection_t *connection)
{
    int error = 0;
    socklen_t size = sizeof error;

    return wait_for(connection, POLLOUT)
           && getsockopt(connection->socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

static bool connect_to(connection_t *connection, const char *host, const char *port)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    bool is_open = false;

    if (getaddrinfo(host, port, &hints, &found) != 0) return false;
    for (const struct addrinfo *at = found; at != NULL && !is_open; at = at->ai_next) {
        connection->socket = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
        if (connection->socket < 0) continue;
        is_open = fcntl(connection->socket, F_SETFL, O_NONBLOCK) == 0
                  && (connect(connection->socket, at->ai_addr, at->ai_addrlen) == 0
                      || (errno == EINPROGRESS && is_connected(connection)));
        if (!is_open) close(connection->socket);
    }
    freeaddrinfo(found);
    return is_open;
}

static bool send_all(const connection_t *connection, const void *bytes, size_t size)
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

/** Returns the bytes that came, 0 at the end or when the time is up. */
static size_t receive(const connection_t *connection, void *bytes, size_t room)
{
    while (wait_for(connection, POLLIN)) {
        const ssize_t got = recv(connection->socket, bytes, room, 0);

        if (got < 0 && would_block()) continue;
        return got > 0 ? (size_t)got : 0;
    }
    return 0;
}

static bool send_request(const connection_t *connection, const device_post_t *post,
                         const char *host)
{
    char head[ADDRESS_SIZE_MAX + 160];
    uint8_t piece[PIECE_SIZE];
    const int size = snprintf(head, sizeof head,
                              "POST /packets HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n"
                              "Content-Length: %u\r\nConnection: close\r\n\r\n",
                              host, post->media_type, (unsigned)post->size);

    if (size < 0 || (size_t)size >= sizeof head || !send_all(connection, head, (size_t)size)) return false;
    for (size_t left = post->size; left > 0;) {
        const size_t next = left < sizeof piece ? left : sizeof piece;

        post->read(post->context, piece, next);
        if (!send_all(connection, piece, next)) return false;
        left -= next;
    }
    return true;
}

/** Reads until the head is whole. Returns what was read, or 0; `*body_at` is where the body begins. */
static size_t read_head(const connection_t *connection, char *head, size_t room, size_t *body_at)
{
    for (size_t size = 0; size < room;) {
        const size_t got = receive(connection, head + size, room - size);

        if (got == 0) return 0;
        size += got;
        for (size_t at = 0; at + 4 <= size; at++) {
            if (memcmp(head + at, "\r\n\r\n", 4) != 0) continue;
            *body_at = at + 4;
            return size;
        }
    }
    return 0;
}

/** What the head declares, or -1 unless it is a 200 that says how long it is. */
static long declared_size(char *head, size_t head_size)
{
    head[head_size - 2] = '\0'; /* Behind the last line. */
    if (strncmp(head, "HTTP/1.1 200 ", 13) != 0) return -1;
    for (const char *line = head; (line = strstr(line, "\r\n")) != NULL;) {
        line += 2;
        if (strncasecmp(line, "content-length:", 15) == 0) return strtol(line + 15, NULL, 10);
    }
    return -1;
}

static bool read_answer(const connection_t *connection, uint8_t *back, size_t room,
                        size_t *back_size)
{
    static char head[HEAD_SIZE_MAX];
    size_t body_at = 0;
    const size_t size = read_head(connection, head, sizeof head, &body_at);
    const long declared = size == 0 ? -1 : declared_size(head, body_at);

    if (declared < 0 || (size_t)declared > room || size - body_at > (size_t)declared) return false;
    size_t have = size - body_at;
    memcpy(back, head + body_at, have);
    while (have < (size_t)declared) {
        const size_t got = receive(connection, back + have, (size_t)declared - have);
        if (got == 0) return false;
        have += got;
    }
    *back_size = have;
    return true;
}

bool http_post(const device_post_t *post, void (*tick)(void), uint8_t *back, size_t room,
               size_t *back_size)
{
    connection_t connection = { .socket = -1, .end_ms = milliseconds() + HTTP_POST_MS, .tick = tick };
    char host[256], port[6];

    split(post->to->record.address, host, port);
    if (!connect_to(&connection, host, port)) return false;
    const bool is_done =
        send_request(&connection, post, post->to->record.address + strlen("http://"))
        && read_answer(&connection, back, room, back_size);
    close(connection.socket);
    return is_done;
}
