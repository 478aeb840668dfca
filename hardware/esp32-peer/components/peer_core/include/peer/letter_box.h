#pragma once

#include "peer/packet.h"
#include "peer/payload.h"
#include "peer/peer.h"

/**
 * Letters that come to this device, PROTOCOL §9. They are rare, and so which were seen stands in the
 * store alone; each is kept before that is noted, and acknowledged after both.
 */

enum { LETTER_WINDOW_SIZE = 1024 };

/** The largest sequence of a letter epoch, and which of the 1,024 below were seen. */
typedef struct {
    uint8_t is_used;
    uint64_t epoch;
    uint64_t used_at; /**< Grows; the least was used longest ago. */
    uint64_t largest;
    uint8_t seen[LETTER_WINDOW_SIZE / 8]; /**< By sequence mod 1,024, of those below the largest. */
} letter_window_t;

/** Whether it is neither seen nor older than the window. */
bool letter_window_is_fresh(const letter_window_t *window, uint64_t sequence);

/** Only for what is fresh. */
void letter_window_add(letter_window_t *window, uint64_t sequence);

/** Notes again what was kept when the power went before it was noted. */
void letter_box_start(const peer_t *peer, contact_t *contact);

PEER_CHECKED bool letter_box_reset(const peer_t *peer, const contact_t *contact);

/** Judges one LETTER packet. PEER_ERROR_REPLAYED for a repeat, which is acknowledged again. */
PEER_CHECKED peer_error_t letter_box_receive(peer_t *peer, const packet_t *packet, uint64_t now_ms);

/** Adds the acknowledgements that are owed. Returns how many. */
size_t letter_box_add_acks(const contact_t *contact, plaintext_writer_t *writer);

/** The first `count` of them have arrived. */
void letter_box_settle(contact_t *contact, size_t count);
