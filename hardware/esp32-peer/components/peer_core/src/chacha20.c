#include "peer/chacha20.h"

#include <string.h>

enum { WORDS = 16, ROUNDS = 10, PURPOSE_SIZE_MAX = 12 };

static uint32_t word_of(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void keystream_start(keystream_t *stream, const uint8_t key[KEY_SIZE], const char *purpose)
{
    static const uint32_t CONSTANT[4] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
    uint8_t nonce[PURPOSE_SIZE_MAX] = { 0 };

    memcpy(nonce, purpose, strlen(purpose));
    stream->current = 0;
    memcpy(stream->input, CONSTANT, sizeof CONSTANT);
    for (int i = 0; i < 8; i++) stream->input[4 + i] = word_of(key + 4 * i);
    for (int i = 0; i < 3; i++) stream->input[13 + i] = word_of(nonce + 4 * i);
}

static uint32_t rotate(uint32_t word, int by)
{
    return word << by | word >> (32 - by);
}

static void quarter(uint32_t *s, int a, int b, int c, int d)
{
    s[a] += s[b];
    s[d] = rotate(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = rotate(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = rotate(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = rotate(s[b] ^ s[c], 7);
}

static void compute(keystream_t *stream, uint32_t counter)
{
    uint32_t *block = stream->block;

    stream->input[12] = counter;
    memcpy(block, stream->input, sizeof stream->block);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 4; i++) quarter(block, i, 4 + i, 8 + i, 12 + i);
        for (int i = 0; i < 4; i++) {
            quarter(block, i, 4 + ((i + 1) & 3), 8 + ((i + 2) & 3), 12 + ((i + 3) & 3));
        }
    }
    for (int i = 0; i < WORDS; i++) block[i] += stream->input[i];
    stream->current = counter + 1;
}

uint32_t keystream_word(keystream_t *stream, uint32_t index)
{
    if (stream->current != index / WORDS + 1) compute(stream, index / WORDS);
    return stream->block[index % WORDS];
}

uint8_t keystream_byte(keystream_t *stream, uint32_t index)
{
    return (uint8_t)(keystream_word(stream, index / 4) >> 8 * (index % 4));
}

/** As the product of two doubles is: rounded to 53 bits, halves to even. */
static uint64_t to_53_bits(uint64_t product)
{
    unsigned shift = 0;

    while (product >> shift >> 53 != 0) shift++;
    if (shift == 0) return product;
    const uint64_t half = UINT64_C(1) << (shift - 1), low = product & (2 * half - 1);
    uint64_t kept = product >> shift;
    if (low > half || (low == half && kept % 2 == 1)) kept++;
    return kept << shift;
}

uint32_t keystream_below(keystream_t *stream, uint32_t bound, uint32_t index)
{
    const uint64_t high = keystream_word(stream, 2 * index) >> 11;
    const uint64_t number = high << 32 | keystream_word(stream, 2 * index + 1);

    return (uint32_t)(to_53_bits(number * bound) >> 53);
}
