#pragma once

#include "peer/crypto.h"

/**
 * ChaCha20, RFC 8439 §2.3, as the source of what looks random in a picture, docs/STEGO.md §3; the
 * twin of src/stego/chacha20.ts. Nothing is encrypted with it.
 */
typedef struct {
    uint32_t input[16], block[16];
    uint32_t current; /**< Which block `block` is, plus one; 0: none. */
} keystream_t;

/** @param purpose  A short ASCII name: the nonce, so streams of one key never overlap. */
void keystream_start(keystream_t *stream, const uint8_t key[KEY_SIZE], const char *purpose);

/** The little-endian 32-bit word at four times `index`. */
uint32_t keystream_word(keystream_t *stream, uint32_t index);
uint8_t keystream_byte(keystream_t *stream, uint32_t index);

/** Uniform below `bound`, at most 1024, from the 64 bits at eight times `index`. */
uint32_t keystream_below(keystream_t *stream, uint32_t bound, uint32_t index);
