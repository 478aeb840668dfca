#pragma once

#include "peer/letter.h"
#include "peer/png_stream.h"

/**
 * A picture with a letter in it, on its way to the contact until that says that it came: 55 KB,
 * which only a port lends that wants to send pictures. All zero: none is on its way.
 */
enum { PICTURE_TRIES_MAX = 8 };

typedef struct {
    picture_t picture;
    hiding_t work;
    png_stream_t stream;
    bool is_waiting;
    unsigned tries;
    uint64_t send_at_ms;
} picture_post_t;

/**
 * Hides one reading in `post->picture`, which the caller drew, as a letter to the contact. The
 * picture is then sent, the same each time, until it is acknowledged or given up.
 *
 * @return PEER_ERROR_STATE if nobody is paired who takes pictures, PEER_ERROR_NO_ROOM.
 */
PEER_CHECKED peer_error_t picture_post_reading(peer_t *peer, picture_post_t *post,
                                               const measurement_t *measurement, uint64_t now_ms);

/** Whose turn it is to get the picture now, or NULL. */
contact_t *picture_post_due(peer_t *peer, picture_post_t *post, uint64_t now_ms);

/** Call before it is sent: rewinds the stream, and waits longer each time. */
void picture_post_begin(picture_post_t *post, uint64_t now_ms);
