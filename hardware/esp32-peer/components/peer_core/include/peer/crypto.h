#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/error.h"

/**
 * The one suite, 25519_AESGCM_SHA256, on psa/crypto.h (only crypto.c includes that) but for X25519. Every secret
 * here is plain bytes that the caller wipes.
 */

enum {
    KEY_SIZE = 32,
    HASH_SIZE = 32,
    TAG_SIZE = 16,
};

typedef struct {
    const uint8_t *bytes;
    size_t size;
} slice_t;

typedef struct {
    uint8_t private_key[KEY_SIZE];
    uint8_t public_key[KEY_SIZE];
} key_pair_t;

/** Call once before anything else. PEER_ERROR_CRYPTO if the library finds no entropy. */
PEER_CHECKED peer_error_t crypto_start(void);

/** Derives the public key of `keys->private_key`: 32 random bytes. */
PEER_CHECKED peer_error_t crypto_public_key(key_pair_t *keys);

/** Whether it is less than 2^255 − 19, as every public key on the wire must be, PROTOCOL §1. */
bool crypto_is_public_key(const uint8_t key[KEY_SIZE]);

/**
 * X25519, the one Diffie-Hellman function.
 *
 * @return PEER_ERROR_UNAUTHENTICATED if the shared secret is all zero, RFC 7748 §6.1.
 */
PEER_CHECKED peer_error_t crypto_dh(const uint8_t private_key[KEY_SIZE],
                                    const uint8_t public_key[KEY_SIZE], uint8_t shared[KEY_SIZE]);

/** AES-256-GCM; the nonce is 4 zero bytes and `counter`. `out` gets size + TAG_SIZE bytes. */
PEER_CHECKED peer_error_t crypto_seal(const uint8_t key[KEY_SIZE], uint64_t counter, slice_t ad,
                                      slice_t plaintext, uint8_t *out);

/** `out` gets size - TAG_SIZE bytes, and nothing unless the tag verified. */
PEER_CHECKED peer_error_t crypto_open(const uint8_t key[KEY_SIZE], uint64_t counter, slice_t ad,
                                      slice_t ciphertext, uint8_t *out);

/** SHA-256 of the parts, one after the other. */
PEER_CHECKED peer_error_t crypto_hash(const slice_t *parts, size_t count, uint8_t hash[HASH_SIZE]);

PEER_CHECKED peer_error_t crypto_hmac(slice_t key, const slice_t *parts, size_t count,
                                      uint8_t mac[HASH_SIZE]);

/** HKDF-SHA256, RFC 5869; an empty salt stands for 32 zero bytes. */
PEER_CHECKED peer_error_t crypto_hkdf(slice_t secret, slice_t salt, slice_t info, uint8_t *out,
                                      size_t size);

/** Overwrites a secret; the compiler may not leave it out. */
void crypto_wipe(void *secret, size_t size);

/** Compares in a time that depends on `size` alone. Returns 1 if equal, else 0. */
int crypto_equal(const uint8_t *a, const uint8_t *b, size_t size);
