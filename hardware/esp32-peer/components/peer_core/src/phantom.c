#include "peer/phantom.h"

enum { ONE = 4096, DARK = 13, LIGHT = 217 };

/** Value in hundredths; half axes, centre, cosine and sine in 4096ths. Toft's contrasts. */
static const struct {
    int16_t value, a, b, x, y, cosine, sine;
} SHAPES[] = {
    { 100, 2826, 3768, 0, 0, ONE, 0 },        { -80, 2713, 3580, 0, -75, ONE, 0 },
    { -20, 451, 1270, 901, 0, 3896, -1266 },  { -20, 655, 1679, -901, 0, 3896, 1266 },
    { 10, 860, 1024, 0, 1434, ONE, 0 },       { 10, 188, 188, 0, 410, ONE, 0 },
    { 10, 188, 188, 0, -410, ONE, 0 },        { 10, 188, 94, -328, -2478, ONE, 0 },
    { 10, 94, 94, 0, -2482, ONE, 0 },         { 10, 94, 188, 246, -2478, ONE, 0 },
};

static int density(int x, int y)
{
    int sum = 0;

    for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
        const int64_t dx = x - SHAPES[i].x, dy = y - SHAPES[i].y;
        const int64_t a = SHAPES[i].a, b = SHAPES[i].b;
        const int64_t along = (dx * SHAPES[i].cosine + dy * SHAPES[i].sine) / ONE * b;
        const int64_t across = (dy * SHAPES[i].cosine - dx * SHAPES[i].sine) / ONE * a;

        if (along * along + across * across <= a * a * b * b) sum += SHAPES[i].value;
    }
    return sum < 0 ? 0 : sum > 100 ? 100 : sum;
}

/** Nearly normal, deviation three quarters of a step. */
static int noise(uint32_t *state)
{
    int sum = 0;

    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    for (int i = 0; i < 4; i++) sum += (int)(*state >> (8 + 4 * i) & 3);
    return (sum - 6) / 3;
}

void phantom_draw(picture_t *picture, uint16_t width, uint16_t height, uint32_t seed)
{
    uint32_t state = seed | 1;

    picture->width = width;
    picture->height = height;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const int value =
                density((2 * x + 1) * ONE / width - ONE, ONE - (2 * y + 1) * ONE / height);
            picture->samples[y * width + x] =
                (uint8_t)(DARK + LIGHT * value / 100 + noise(&state));
        }
    }
}
