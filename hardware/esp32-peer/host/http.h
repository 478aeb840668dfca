#pragma once

#include "peer/device_post.h"

/** One POST over a socket of this computer, each step of at most five seconds. */

/** False unless a bundle of at most `room` bytes came back with 200. */
bool http_post(const device_post_t *post, uint8_t *back, size_t room, size_t *back_size);
