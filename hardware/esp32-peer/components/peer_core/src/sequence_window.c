#include "peer/sequence_window.h"

#include <string.h>

static bool bit_at(const sequence_window_t *window, uint64_t i)
{
    return (window->bitmap[i / 8] >> i % 8 & 1) != 0;
}

/** Forgets the lowest `count` bits: those of next + 1 … next + count. */
static void shift(sequence_window_t *window, uint64_t count)
{
    uint8_t *bitmap = window->bitmap;
    const size_t size = sizeof window->bitmap;

    if (count >= SEQUENCE_WINDOW_SIZE) {
        memset(bitmap, 0, size);
        return;
    }
    const size_t whole = (size_t)count / 8;
    const unsigned bits = (unsigned)count % 8;
    memmove(bitmap, bitmap + whole, size - whole);
    memset(bitmap + size - whole, 0, whole);
    for (size_t i = 0; bits > 0 && i < size; i++) {
        const unsigned high = i + 1 < size ? (unsigned)bitmap[i + 1] << (8 - bits) : 0;
        bitmap[i] = (uint8_t)((unsigned)bitmap[i] >> bits | high);
    }
}

/** Everything below `next` is received now; goes on over what was received already. */
static void advance(sequence_window_t *window, uint64_t next)
{
    bool is_received = true;

    while (is_received) {
        const uint64_t distance = next - window->next;

        /* Bit distance − 1 stands for `next` itself. */
        is_received = distance <= SEQUENCE_WINDOW_SIZE && bit_at(window, distance - 1);
        shift(window, distance);
        window->next = next;
        if (is_received) next++;
    }
}

void sequence_window_raise(sequence_window_t *window, uint64_t lowest)
{
    if (lowest > window->next) advance(window, lowest);
}

sequence_verdict_t sequence_window_judge(const sequence_window_t *window, uint64_t sequence)
{
    if (sequence < window->next) return SEQUENCE_REPEAT;
    const uint64_t distance = sequence - window->next;
    if (distance == 0) return SEQUENCE_FRESH;
    if (distance > SEQUENCE_WINDOW_SIZE) return SEQUENCE_BEYOND;
    return bit_at(window, distance - 1) ? SEQUENCE_REPEAT : SEQUENCE_FRESH;
}

void sequence_window_add(sequence_window_t *window, uint64_t sequence)
{
    const uint64_t distance = sequence - window->next;

    if (distance == 0) {
        advance(window, sequence + 1);
    } else {
        window->bitmap[(distance - 1) / 8] |= (uint8_t)(1u << (distance - 1) % 8);
    }
}

size_t sequence_window_bitmap_size(const sequence_window_t *window)
{
    size_t size = sizeof window->bitmap;

    while (size > 0 && window->bitmap[size - 1] == 0) size--;
    return size;
}
