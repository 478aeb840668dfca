#include "http/http_get.h"

#include <stdio.h>
#include <string.h>

#include "connection.h"

enum { PORT_SIZE_MAX = 5, PATH_SIZE_MAX = 300 };

typedef struct {
    char authority[HOST_SIZE_MAX + 2 + 1 + PORT_SIZE_MAX + 1]; /**< As it stands in the URL. */
    char host[HOST_SIZE_MAX + 1], port[PORT_SIZE_MAX + 1], path[PATH_SIZE_MAX + 1];
} url_t;

/** Copies `size` bytes as text. False if there are none, or too many. */
static bool copy(char *to, size_t room, const char *from, size_t size)
{
    if (size == 0 || size >= room) return false;
    memcpy(to, from, size);
    to[size] = '\0';
    return true;
}

/** A URL goes into the request's head as it is: nothing in it may end a line. */
static bool is_visible(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~' || *text == '@' || *text == '#') return false;
    }
    return true;
}

static bool split(const char *text, url_t *url)
{
    const size_t scheme_size = strlen("http://");

    if (strncmp(text, "http://", scheme_size) != 0 || !is_visible(text)) return false;
    const char *authority = text + scheme_size, *path = strchr(authority, '/');
    const size_t size = path == NULL ? strlen(authority) : (size_t)(path - authority);

    if (!copy(url->authority, sizeof url->authority, authority, size)) return false;
    const char *bracket = strchr(url->authority, ']');
    const char *colon = strchr(bracket == NULL ? url->authority : bracket, ':');
    const size_t host_size = colon == NULL ? size : (size_t)(colon - url->authority);
    const size_t edge = bracket == NULL ? 0 : 1;
    const char *port = colon == NULL ? "80" : colon + 1;

    return host_size > 2 * edge
           && copy(url->host, sizeof url->host, url->authority + edge, host_size - 2 * edge)
           && copy(url->port, sizeof url->port, port, strlen(port))
           && strspn(url->port, "0123456789") == strlen(url->port)
           && copy(url->path, sizeof url->path, path == NULL ? "/" : path, path == NULL ? 1 : strlen(path));
}

static bool send_request(const connection_t *connection, const url_t *url)
{
    char head[sizeof *url + 64];
    const int size = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                              url->path, url->authority);

    return size > 0 && (size_t)size < sizeof head && connection_send(connection, head, (size_t)size);
}

static bool read_answer(const connection_t *connection, const http_sink_t *sink)
{
    static http_head_t head;

    if (!connection_read_head(connection, &head) || !sink->begin(sink->context, head.declared)) return false;
    size_t got = head.size - head.body_at, left = head.declared;
    const uint8_t *bytes = (const uint8_t *)head.bytes + head.body_at;

    while (left > 0) {
        if (got > 0 && !sink->take(sink->context, bytes, got)) return false;
        left -= got;
        if (left == 0) break;
        bytes = (const uint8_t *)head.bytes;
        got = connection_receive(connection, head.bytes, left < sizeof head.bytes ? left : sizeof head.bytes);
        if (got == 0) return false;
    }
    return true;
}

bool http_get(const char *text, const http_sink_t *sink, void (*tick)(void))
{
    static url_t url;
    connection_t connection;

    if (!split(text, &url)) return false;
    if (!connection_open(&connection, url.host, url.port, HTTP_GET_MS, tick)) return false;
    const bool is_done = send_request(&connection, &url) && read_answer(&connection, sink);
    connection_close(&connection);
    return is_done;
}
