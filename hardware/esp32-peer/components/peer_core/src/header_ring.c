#include "header_ring.h"

#include <string.h>

#include "peer/chacha20.h"

enum { HEADER_BITS = 63, ORDER_MAX = 7 };

static uint32_t block_size(unsigned order)
{
    return (1u << order) - 1;
}

static uint32_t samples_for(unsigned order)
{
    return (HEADER_BITS + order - 1) / order * block_size(order);
}

/** What the header never changes of a sample. */
static unsigned upper(const picture_t *picture, uint32_t x, uint32_t y)
{
    return picture->samples[y * picture->width + x] >> 1;
}

/** Whether one of the ring differs from a neighbour on it, and is neither black nor white. */
static bool is_rough(const picture_t *picture, uint32_t x, uint32_t y)
{
    const uint32_t right = picture->width - 1u, bottom = picture->height - 1u;
    const unsigned own = upper(picture, x, y);

    if (own == 0 || own == SAMPLE_MAX >> 1) return false;
    if (y == 0 || y == bottom) {
        if (x > 0 && upper(picture, x - 1, y) != own) return true;
        if (x < right && upper(picture, x + 1, y) != own) return true;
    }
    if (x == 0 || x == right) {
        if (y > 0 && upper(picture, x, y - 1) != own) return true;
        if (y < bottom && upper(picture, x, y + 1) != own) return true;
    }
    return false;
}

/** Indices of the outermost samples, row by row; or of those only that are rough. */
static uint32_t list_ring(const picture_t *picture, bool rough_only, uint16_t *ring)
{
    const uint32_t width = picture->width, height = picture->height;
    uint32_t count = 0;

    for (uint32_t y = 0; y < height; y++) {
        const uint32_t step = y == 0 || y == height - 1 ? 1 : width - 1;
        for (uint32_t x = 0; x < width; x += step) {
            if (!rough_only || is_rough(picture, x, y)) ring[count++] = (uint16_t)(y * width + x);
        }
    }
    return count;
}

/** Where the header may stand: a changed sample in a frame of one colour would be seen. */
static uint32_t list_places(const picture_t *picture, uint16_t *ring)
{
    const uint32_t count = list_ring(picture, true, ring);

    return count < HEADER_BITS ? list_ring(picture, false, ring) : count;
}

void header_ring_start(header_ring_t *ring, const picture_t *picture, const uint8_t key[KEY_SIZE],
                       uint16_t *room)
{
    const uint32_t count = list_places(picture, room);
    keystream_t stream;

    ring->at = room;
    ring->order = ORDER_MAX;
    while (ring->order > 1 && samples_for(ring->order) > count) ring->order--;
    keystream_start(&stream, key, "place");
    for (uint32_t i = 0; i < samples_for(ring->order); i++) {
        const uint32_t other = i + keystream_below(&stream, count - i, i);
        const uint16_t kept = room[i];

        room[i] = room[other];
        room[other] = kept;
    }
    keystream_start(&stream, key, "header");
    for (uint32_t i = 0; i < sizeof ring->mask; i++) ring->mask[i] = keystream_byte(&stream, i);
    ring->mask[7] &= 0x7F;
    crypto_wipe(&stream, sizeof stream);
}

void header_ring_read(const header_ring_t *ring, const picture_t *picture, uint8_t bits[8])
{
    const uint32_t size = block_size(ring->order);

    memcpy(bits, ring->mask, sizeof ring->mask);
    for (uint32_t first = 0, block = 0; first < HEADER_BITS; first += ring->order, block++) {
        uint32_t syndrome = 0;

        for (uint32_t i = 0; i < size; i++) {
            if (picture->samples[ring->at[block * size + i]] & 1) syndrome ^= i + 1;
        }
        for (uint32_t i = first; i < first + ring->order && i < HEADER_BITS; i++) {
            bits[i / 8] ^= (uint8_t)((syndrome >> (i - first) & 1) << i % 8);
        }
    }
}

void header_ring_write(const header_ring_t *ring, picture_t *picture, const uint8_t bits[8])
{
    const uint32_t size = block_size(ring->order);
    uint8_t difference[8];

    header_ring_read(ring, picture, difference);
    for (int i = 0; i < 8; i++) difference[i] ^= bits[i];
    for (uint32_t first = 0, block = 0; first < HEADER_BITS; first += ring->order, block++) {
        uint32_t which = 0;

        for (uint32_t i = first; i < first + ring->order && i < HEADER_BITS; i++) {
            which |= (uint32_t)(difference[i / 8] >> i % 8 & 1) << (i - first);
        }
        if (which > 0) picture->samples[ring->at[block * size + which - 1]] ^= 1;
    }
}
