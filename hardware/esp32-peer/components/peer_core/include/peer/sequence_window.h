#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Which sequences of one epoch were received, PROTOCOL §8.2. All zero: none yet. */
enum { SEQUENCE_WINDOW_SIZE = 1024 };

typedef struct {
    uint64_t next;                              /**< All below were received. */
    uint8_t bitmap[SEQUENCE_WINDOW_SIZE / 8];   /**< Bit i: next + 1 + i, low bits first. */
} sequence_window_t;

typedef enum { SEQUENCE_FRESH, SEQUENCE_REPEAT, SEQUENCE_BEYOND } sequence_verdict_t;

/** The sender says that nothing below `lowest` will come any more. */
void sequence_window_raise(sequence_window_t *window, uint64_t lowest);

/** What `sequence` is; changes nothing. */
sequence_verdict_t sequence_window_judge(const sequence_window_t *window, uint64_t sequence);

/** Marks a fresh sequence as received. */
void sequence_window_add(sequence_window_t *window, uint64_t sequence);

/** Bytes of the bitmap up to the last one that is not zero. */
size_t sequence_window_bitmap_size(const sequence_window_t *window);
