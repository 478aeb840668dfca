#pragma once

#include "peer/device_post.h"

enum { HTTP_POST_MS = 20 * 1000 }; /**< One exchange, however slowly the other side reads and writes. */

/**
 * One POST to /packets over a socket, on the chip and on this computer.
 *
 * @param tick  Called twice a second or more often while it waits: feeds a watchdog. May be NULL.
 * @return False unless a bundle of at most `room` bytes came back with 200.
 */
bool http_post(const device_post_t *post, void (*tick)(void), uint8_t *back, size_t room,
               size_t *back_size);
