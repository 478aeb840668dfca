#pragma once

#include "peer/payload.h"
#include "peer/peer.h"

/** Letters, PROTOCOL §9: one Noise K message to the contact. No forward secrecy. */

enum {
    LETTER_BODY_SIZE_MAX = 512,
    /** Length, header, key, tag, and the plaintext: OUTBOX, MESSAGE, type, padding. */
    LETTER_OVERHEAD_MAX = 2 + 8 + KEY_SIZE + TAG_SIZE + 19 + 12 + 16,
    LETTER_SIZE_MAX = LETTER_OVERHEAD_MAX + LETTER_BODY_SIZE_MAX,
    /** To write one: the handshake wants room for the longest of all patterns' messages. */
    LETTER_ROOM = LETTER_SIZE_MAX + HANDSHAKE_OVERHEAD_MAX,
};

typedef struct {
    uint64_t epoch, sequence;
} letter_id_t;

/** Where in a picture a letter stands, and what masks it. */
PEER_CHECKED peer_error_t letter_image_key(const peer_t *peer, const contact_t *contact,
                                           uint8_t key[KEY_SIZE]);

/**
 * Writes a bundle of one LETTER packet; `out` has room for LETTER_ROOM.
 *
 * @param ephemeral  32 fresh random bytes, used once.
 * @return PEER_ERROR_NO_ROOM if the body is larger than LETTER_BODY_SIZE_MAX.
 */
PEER_CHECKED peer_error_t letter_write(peer_t *peer, const contact_t *contact,
                                       const uint8_t ephemeral[KEY_SIZE], letter_id_t id,
                                       content_type_t type, slice_t body, uint8_t *out,
                                       size_t *size);

/**
 * Opens a LETTER packet of this contact. `plaintext` needs as many bytes as the packet has; what
 * it gets are payloads that were checked: OUTBOX, then MESSAGE or PART.
 */
PEER_CHECKED peer_error_t letter_read(const peer_t *peer, const contact_t *contact,
                                      const packet_t *packet, uint8_t *plaintext,
                                      slice_t *payloads);
