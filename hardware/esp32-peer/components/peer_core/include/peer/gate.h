#pragma once

#include "peer/packet.h"

/** How KK1 says whom it is from before any Diffie-Hellman, PROTOCOL §6. */

/** `shared` is X25519 of the two static keys. */
PEER_CHECKED peer_error_t gate_key(const uint8_t shared[KEY_SIZE], uint8_t key[KEY_SIZE]);
PEER_CHECKED peer_error_t gate_hint(const uint8_t key[KEY_SIZE], const uint8_t sender[KEY_SIZE],
                                    uint32_t *hint);

/** Over all bytes of the packet before the gate. */
PEER_CHECKED peer_error_t gate_value(const uint8_t key[KEY_SIZE], const uint8_t sender[KEY_SIZE],
                                     slice_t before, uint8_t gate[GATE_SIZE]);
