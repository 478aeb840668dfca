#pragma once

#include <stddef.h>
#include <stdint.h>

#include "peer/peer.h"

/** One decoder of the core, or what is made of several. Any bytes may come; a fault aborts. */
typedef struct {
    const char *name; /**< Also of its folder in corpus/. */
    void (*run)(const uint8_t *bytes, size_t size);
} fuzz_target_t;

static inline slice_t bytes_of(const uint8_t *bytes, size_t size)
{
    return (slice_t){ bytes, size };
}

enum { FUZZ_INPUT_SIZE_MAX = 4096, FUZZ_TARGETS_COUNT = 16 };

/**
 * Makes `from` the sender, and seals any plaintext in a letter of his to `reader`.
 *
 * @param out  FUZZ_INPUT_SIZE_MAX + 256 bytes of room.
 * @return The bytes written.
 */
size_t fuzz_seal_letter(const peer_t *reader, contact_t *from, slice_t plaintext, uint8_t *out);

/* fuzz_states.c: what a store, a session and a whole device make of it. */
void fuzz_store(const uint8_t *bytes, size_t size);
void fuzz_start(const uint8_t *bytes, size_t size);
void fuzz_letter_box(const uint8_t *bytes, size_t size);
void fuzz_session(const uint8_t *bytes, size_t size);
void fuzz_console(const uint8_t *bytes, size_t size);
void fuzz_device(const uint8_t *bytes, size_t size);

extern const fuzz_target_t FUZZ_TARGETS[FUZZ_TARGETS_COUNT];
