#pragma once

#include "peer/symmetric_state.h"

/** The patterns of PROTOCOL §2. */
typedef enum { PATTERN_XX, PATTERN_XXPSK3, PATTERN_KKPSK0, PATTERN_K, PATTERNS } pattern_id_t;

enum { HANDSHAKE_OVERHEAD_MAX = 3 * KEY_SIZE }; /**< Bytes a message is longer than its payload. */

typedef struct {
    pattern_id_t pattern;
    bool is_initiator;
    slice_t prologue;
    const key_pair_t *static_keys;
    const uint8_t *ephemeral_private; /**< 32 fresh random bytes; used once. */
    const uint8_t *remote_static;     /**< KK and K, else NULL. */
    const uint8_t *psk;               /**< XXpsk3 and KKpsk0, else NULL. */
} handshake_config_t;

/**
 * HandshakeState, Noise §5.3. Plain bytes: try a message on a copy, and a refused one leaves no
 * trace. Wipe it with crypto_wipe.
 */
typedef struct {
    symmetric_state_t symmetric;
    pattern_id_t pattern;
    bool is_initiator;
    uint8_t step; /**< Messages written and read so far. */
    key_pair_t static_keys, ephemeral_keys;
    uint8_t remote_static[KEY_SIZE], remote_ephemeral[KEY_SIZE];
    uint8_t psk[KEY_SIZE];
} handshake_state_t;

PEER_CHECKED peer_error_t handshake_start(handshake_state_t *state,
                                          const handshake_config_t *config);

bool handshake_is_finished(const handshake_state_t *state);

/** Writes the next message; `out` needs room for the payload and HANDSHAKE_OVERHEAD_MAX. */
PEER_CHECKED peer_error_t handshake_write(handshake_state_t *state, slice_t payload, uint8_t *out,
                                          size_t room, size_t *size);

/**
 * Reads the next message. After a refusal the state is spent.
 *
 * @param payload  Needs room for as many bytes as the message has.
 */
PEER_CHECKED peer_error_t handshake_read(handshake_state_t *state, slice_t message,
                                         uint8_t *payload, size_t *payload_size);

/** The keys of a finished handshake; a one-way pattern has use for one of them. */
PEER_CHECKED peer_error_t handshake_split(const handshake_state_t *state, uint8_t sending[KEY_SIZE],
                                          uint8_t receiving[KEY_SIZE]);
