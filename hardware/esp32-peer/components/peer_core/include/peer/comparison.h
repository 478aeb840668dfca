#pragma once

#include "peer/crypto.h"

/** What people compare, PROTOCOL §5.1. Public keys in, text with a terminating zero out. */
enum {
    COMPARISON_NONCE_SIZE = 16,
    CODE_SIZE = 6,
    KEY_CHECK_SIZE = 16,
    FINGERPRINT_SIZE = 30,
};

/** A is the initiator. */
typedef struct {
    const uint8_t *e_a, *e_b, *s_a, *s_b; /**< 32 bytes each */
    const uint8_t *r_a, *r_b;             /**< 16 bytes each */
} comparison_t;

PEER_CHECKED peer_error_t comparison_commit(const uint8_t *s_a, const uint8_t *e_a,
                                            const uint8_t *r_a, uint8_t commit[HASH_SIZE]);
PEER_CHECKED peer_error_t comparison_code(const comparison_t *of, char code[CODE_SIZE + 1]);
PEER_CHECKED peer_error_t key_check_value(const uint8_t handshake_hash[HASH_SIZE],
                                          char text[KEY_CHECK_SIZE + 1]);
PEER_CHECKED peer_error_t fingerprint(const uint8_t key[KEY_SIZE], char text[FINGERPRINT_SIZE + 1]);
