#include "http/http_post.h"

#include <stdio.h>
#include <string.h>

#include "connection.h"

enum { PIECE_SIZE = 512 };

/** Splits http://HOST:PORT, whose form the core has checked; an IPv6 host loses its brackets. */
static void split(const char *address, char host[HOST_SIZE_MAX + 1], char port[6])
{
    const char *start = address + strlen("http://"), *colon = strrchr(start, ':');
    size_t size = (size_t)(colon - start);

    if (*start == '[') {
        start++;
        size -= 2;
    }
    snprintf(host, HOST_SIZE_MAX + 1, "%.*s", (int)size, start);
    snprintf(port, 6, "%s", colon + 1);
}

static bool send_request(const connection_t *connection, const device_post_t *post, const char *host)
{
    char head[ADDRESS_SIZE_MAX + 160];
    uint8_t piece[PIECE_SIZE];
    const int size = snprintf(head, sizeof head,
                              "POST /packets HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n"
                              "Content-Length: %u\r\nConnection: close\r\n\r\n",
                              host, post->media_type, (unsigned)post->size);

    if (size < 0 || (size_t)size >= sizeof head || !connection_send(connection, head, (size_t)size)) {
        return false;
    }
    for (size_t left = post->size; left > 0;) {
        const size_t next = left < sizeof piece ? left : sizeof piece;

        post->read(post->context, piece, next);
        if (!connection_send(connection, piece, next)) return false;
        left -= next;
    }
    return true;
}

static bool read_answer(const connection_t *connection, uint8_t *back, size_t room, size_t *back_size)
{
    static http_head_t head;

    if (!connection_read_head(connection, &head) || head.declared > room) return false;
    size_t have = head.size - head.body_at;
    memcpy(back, head.bytes + head.body_at, have);
    while (have < head.declared) {
        const size_t got = connection_receive(connection, back + have, head.declared - have);
        if (got == 0) return false;
        have += got;
    }
    *back_size = have;
    return true;
}

bool http_post(const device_post_t *post, void (*tick)(void), uint8_t *back, size_t room,
               size_t *back_size)
{
    connection_t connection;
    char host[HOST_SIZE_MAX + 1], port[6];

    split(post->to->record.address, host, port);
    if (!connection_open(&connection, host, port, HTTP_POST_MS, tick)) return false;
    const bool is_done =
        send_request(&connection, post, post->to->record.address + strlen("http://"))
        && read_answer(&connection, back, room, back_size);
    connection_close(&connection);
    return is_done;
}
