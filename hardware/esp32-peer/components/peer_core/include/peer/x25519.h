#pragma once

#include <stdint.h>

enum { X25519_SIZE = 32 };

/**
 * X25519, RFC 7748 §5: `out` is `scalar` times the point with the coordinate `point`, all of them
 * 32 bytes, little-endian. No branch and no index depends on scalar or point. An all-zero result
 * is the caller's to refuse, §6.1.
 */
void x25519(uint8_t out[X25519_SIZE], const uint8_t scalar[X25519_SIZE],
            const uint8_t point[X25519_SIZE]);

/** The same with the base point 9: a public key. */
void x25519_public_key(uint8_t out[X25519_SIZE], const uint8_t scalar[X25519_SIZE]);
