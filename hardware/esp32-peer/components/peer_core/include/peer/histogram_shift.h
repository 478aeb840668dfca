#pragma once

#include "peer/crypto.h"

/**
 * Hides bytes in a gray picture by histogram shifting, docs/STEGO.md §7, profile integer; the twin
 * of src/stego/shifted.ts. Whoever has the key gets bytes and picture back, bit for bit.
 * Integers only.
 */

/**
 * Bits a sample. The device draws its pictures itself, with 8; 16 is there for the shared vectors,
 * and for who holds such pictures and has 95 KB of RAM for one instead of 55.
 */
#ifndef PICTURE_DEPTH
#define PICTURE_DEPTH 8
#endif

#if PICTURE_DEPTH == 8
typedef uint8_t sample_t;
typedef uint16_t sample_error_t; /**< In sixteenths of a step. */
#elif PICTURE_DEPTH == 16
typedef uint16_t sample_t;
typedef uint32_t sample_error_t;
#else
#error "PICTURE_DEPTH is 8 or 16"
#endif

enum {
    SAMPLE_MAX = (1 << PICTURE_DEPTH) - 1,
    PICTURE_WIDTH_MAX = 160,
    PICTURE_HEIGHT_MAX = 120,
    PICTURE_SIDE_MIN = 24, /**< Smaller ones have no ring for the header. */
    HIDDEN_TAG_SIZE = 16,
    PRICE_MAX = 4095,
};

/** Row by row. */
typedef struct {
    uint16_t width, height;
    sample_t samples[PICTURE_WIDTH_MAX * PICTURE_HEIGHT_MAX];
} picture_t;

enum {
    FIELD_MARGIN = 2,
    FIELD_SIZE_MAX = (PICTURE_WIDTH_MAX + 2 * FIELD_MARGIN) * (PICTURE_HEIGHT_MAX + 2 * FIELD_MARGIN),
    SHIFT_GROUPS = 60,
    SHIFT_BINS = 50,
    ERROR_ROWS = 5,
    ERROR_MARGIN = 4,
    RING_SIZE_MAX = 2 * (PICTURE_WIDTH_MAX + PICTURE_HEIGHT_MAX) - 4,
    LAYER_SIZE_MAX = PICTURE_WIDTH_MAX * PICTURE_HEIGHT_MAX / 2,
};

/** What hiding needs meanwhile: 36 KB that the caller lends. Its content means nothing. */
typedef struct {
    sample_t field[FIELD_SIZE_MAX];
    uint32_t counts[SHIFT_GROUPS][SHIFT_BINS]; /**< In sixteenths of a sample. */
    uint32_t seen[SHIFT_GROUPS], due[SHIFT_GROUPS];
    int8_t up[SHIFT_GROUPS], down[SHIFT_GROUPS];
    sample_error_t errors[ERROR_ROWS][PICTURE_WIDTH_MAX + 2 * ERROR_MARGIN];
    uint16_t ring[RING_SIZE_MAX];
    uint8_t flags[LAYER_SIZE_MAX / 8];
} hiding_t;

/**
 * Hides `payload` in `picture`, at the highest price that holds it, so with the fewest changes.
 *
 * @return PEER_ERROR_NO_ROOM if the picture cannot hold it, PEER_ERROR_STATE if its dimensions are
 *         no such picture's; then it is as it was.
 */
PEER_CHECKED peer_error_t histogram_hide(hiding_t *work, picture_t *picture, slice_t payload,
                                         const uint8_t key[KEY_SIZE]);

/** The same at one price, 0 … PRICE_MAX, and without the tag that binds payload and cover. */
PEER_CHECKED peer_error_t histogram_embed(hiding_t *work, picture_t *picture, slice_t payload,
                                          const uint8_t key[KEY_SIZE], uint32_t price);
