#pragma once

#include <stddef.h>

#include "peer/histogram_shift.h"

/**
 * A gray picture as a PNG file, made while it is read: nothing is held but the picture. One IDAT
 * with one stored deflate block, RFC 1951 §3.2.4: as long as its samples, and easily said before.
 */
typedef struct {
    const picture_t *picture; /**< Must not change while it is read. */
    size_t at;
    uint32_t crc;             /**< Of the chunk at hand, so far. */
    uint32_t adler_a, adler_b;
} png_stream_t;

size_t png_size(const picture_t *picture);
void png_stream_start(png_stream_t *stream, const picture_t *picture);

/** Gives the next `size` bytes; zeros beyond the file's end. */
void png_stream_read(png_stream_t *stream, uint8_t *out, size_t size);
