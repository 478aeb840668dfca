#pragma once

#include <stdbool.h>

#include "peer/crypto.h"

/** CipherState and SymmetricState, Noise §5.1 and §5.2: `h`, `ck` and the current cipher. */
typedef struct {
    bool has_key;
    uint8_t key[KEY_SIZE];
    uint64_t nonce;
    uint8_t chaining_key[HASH_SIZE];
    uint8_t transcript[HASH_SIZE];
} symmetric_state_t;

PEER_CHECKED peer_error_t symmetric_start(symmetric_state_t *state, const char *protocol_name);
PEER_CHECKED peer_error_t mix_key(symmetric_state_t *state, const uint8_t *secret, size_t size);
PEER_CHECKED peer_error_t mix_hash(symmetric_state_t *state, const uint8_t *data, size_t size);
PEER_CHECKED peer_error_t mix_key_and_hash(symmetric_state_t *state, const uint8_t psk[KEY_SIZE]);

/** What encryption adds now: nothing before the first key, §5.1. */
size_t symmetric_overhead(const symmetric_state_t *state);

/** `out` gets size + symmetric_overhead() bytes. */
PEER_CHECKED peer_error_t encrypt_and_hash(symmetric_state_t *state, slice_t plaintext,
                                           uint8_t *out);

/** `out` gets size - symmetric_overhead() bytes. */
PEER_CHECKED peer_error_t decrypt_and_hash(symmetric_state_t *state, slice_t ciphertext,
                                           uint8_t *out);

/** Keys for initiator-to-responder and responder-to-initiator messages, in that order. */
PEER_CHECKED peer_error_t symmetric_split(const symmetric_state_t *state, uint8_t first[KEY_SIZE],
                                          uint8_t second[KEY_SIZE]);
