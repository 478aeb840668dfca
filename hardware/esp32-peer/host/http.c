#define _POSIX_C_SOURCE 200809L
#include "http.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_S = 5, HEAD_SIZE_MAX = 4096, PIECE_SIZE = 512 };

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

static int connect_to(const char *host, const char *port)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    struct addrinfo *found = NULL;
    int connection = -1;

    if (getaddrinfo(host, port, &hints, &found) != 0) return -1;
    for (const struct addrinfo *at = found; at != NULL && connection < 0; at = at->ai_next) {
        connection = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
        if (connection < 0) continue;
        (void)setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        (void)setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (connect(connection, at->ai_addr, at->ai_addrlen) == 0) break;
        close(connection);
        connection = -1;
    }
    freeaddrinfo(found);
    return connection;
}

static bool send_all(int connection, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0) {
        const ssize_t sent = send(connection, at, size, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool send_request(int connection, const device_post_t *post, const char *host)
{
    char head[512];
    uint8_t piece[PIECE_SIZE];
    const int size = snprintf(head, sizeof head,
                              "POST /packets HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n"
                              "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                              host, post->media_type, post->size);

    if (size < 0 || !send_all(connection, head, (size_t)size)) return false;
    for (size_t left = post->size; left > 0;) {
        const size_t next = left < sizeof piece ? left : sizeof piece;

        post->read(post->context, piece, next);
        if (!send_all(connection, piece, next)) return false;
        left -= next;
    }
    return true;
}

/** Reads until the head is whole. Returns what was read, or 0; `*body_at` is where the body begins. */
static size_t read_head(int connection, char *head, size_t room, size_t *body_at)
{
    for (size_t size = 0; size < room;) {
        const ssize_t got = recv(connection, head + size, room - size, 0);

        if (got <= 0) return 0;
        size += (size_t)got;
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

static bool read_answer(int connection, uint8_t *back, size_t room, size_t *back_size)
{
    char head[HEAD_SIZE_MAX];
    size_t body_at = 0;
    const size_t size = read_head(connection, head, sizeof head, &body_at);
    const long declared = size == 0 ? -1 : declared_size(head, body_at);

    if (declared < 0 || (size_t)declared > room || size - body_at > (size_t)declared) return false;
    size_t have = size - body_at;
    memcpy(back, head + body_at, have);
    while (have < (size_t)declared) {
        const ssize_t got = recv(connection, back + have, (size_t)declared - have, 0);
        if (got <= 0) return false;
        have += (size_t)got;
    }
    *back_size = have;
    return true;
}

bool http_post(const device_post_t *post, uint8_t *back, size_t room, size_t *back_size)
{
    char host[256], port[6];

    split(post->to->record.address, host, port);
    const int connection = connect_to(host, port);
    if (connection < 0) return false;
    const bool is_done = send_request(connection, post, post->to->record.address + strlen("http://"))
                         && read_answer(connection, back, room, back_size);
    close(connection);
    return is_done;
}
