#pragma once

#include "peer/packet.h"
#include "peer/replay_window.h"

/** One session: keys and counters of both directions, PROTOCOL §8. All zero: none. */
typedef struct {
    bool is_alive;
    bool is_initiator;
    uint32_t own_index;    /**< By which the other side names it. */
    uint32_t remote_index; /**< By which I name it. */
    uint8_t sending[KEY_SIZE], receiving[KEY_SIZE];
    uint64_t sent;         /**< The next counter, which is the nonce. */
    uint64_t received;
    replay_window_t window;
    uint64_t promoted_at_ms;
} session_t;

/** Room a plaintext has in a packet of `packet_size`: a multiple of 16. */
size_t session_room(size_t packet_size);

/** Bytes that a plaintext grows by. */
enum { TRANSPORT_OVERHEAD = 16 + TAG_SIZE };

/** Seals a padded plaintext; `out` gets size + TRANSPORT_OVERHEAD bytes. */
PEER_CHECKED peer_error_t session_seal(session_t *session, slice_t plaintext, uint8_t *out);

/**
 * Opens a TRANSPORT packet and only then moves the window.
 *
 * @return PEER_ERROR_UNAUTHENTICATED or PEER_ERROR_REPLAYED.
 */
PEER_CHECKED peer_error_t session_open(session_t *session, const packet_t *packet, uint8_t *out);

/** Whether it should be renewed; the side that did not start it waits half as long again. */
bool session_is_old(const session_t *session, uint64_t now_ms);

/** Whether nothing may be sent on it any more. */
bool session_is_over(const session_t *session, uint64_t now_ms);

void session_wipe(session_t *session);
