#pragma once

#include "peer/histogram_shift.h"

/** The 63 bits on a picture's outermost samples, docs/STEGO.md §4; the twin of header.ts. */
typedef struct {
    unsigned order;      /**< Bits a block. */
    const uint16_t *at;  /**< Samples of the blocks, one after the other. */
    uint8_t mask[8];
} header_ring_t;

/** @param room  Where RING_SIZE_MAX indices stand as long as the ring is used. */
void header_ring_start(header_ring_t *ring, const picture_t *picture, const uint8_t key[KEY_SIZE],
                       uint16_t *room);

/** The bits as they stand, least significant of byte 0 first; bit 63 is zero. */
void header_ring_read(const header_ring_t *ring, const picture_t *picture, uint8_t bits[8]);

/** Makes the ring say `bits`, by at most one step of one sample a block. */
void header_ring_write(const header_ring_t *ring, picture_t *picture, const uint8_t bits[8]);
