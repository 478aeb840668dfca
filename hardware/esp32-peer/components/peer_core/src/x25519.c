/*
 * Arithmetic modulo p = 2^255 - 19 on ten signed limbs of 26 and 25 bits in turn: limb i stands
 * for itself times 2^ceil(25.5 i). A product of two 32-bit limbs fits 64 bits ten times over.
 *
 * After a multiplication limbs are at most 1.01 * 2^25 and 1.01 * 2^24 in magnitude; a sum or a
 * difference of two such may be multiplied again without a carry, one of those sums may not be
 * added once more.
 */
#include "peer/x25519.h"

#include "peer/crypto.h"

enum { LIMBS = 10, A24 = 121665, TOP_BIT = 254 };

typedef int32_t field_t[LIMBS];

static unsigned bits_of(int limb)
{
    return limb % 2 == 0 ? 26 : 25;
}

/**
 * Moves what exceeds a limb into the next, to the nearest. A macro with constants: on a 32-bit
 * machine a shift of 64 bits by a variable is a call.
 */
#define CARRY(limb, bits, next, factor)                                            \
    do {                                                                           \
        const int64_t carry_ = (h[limb] + (INT64_C(1) << ((bits) - 1))) >> (bits); \
        h[limb] -= carry_ * (INT64_C(1) << (bits));                                \
        h[next] += (factor) * carry_;                                              \
    } while (0)

static void carry_all(field_t out, int64_t h[LIMBS])
{
    /* Two chains at once, so that the first carries stay small; 2^255 is 19 again. */
    CARRY(0, 26, 1, 1);
    CARRY(4, 26, 5, 1);
    CARRY(1, 25, 2, 1);
    CARRY(5, 25, 6, 1);
    CARRY(2, 26, 3, 1);
    CARRY(6, 26, 7, 1);
    CARRY(3, 25, 4, 1);
    CARRY(7, 25, 8, 1);
    CARRY(4, 26, 5, 1);
    CARRY(8, 26, 9, 1);
    CARRY(9, 25, 0, 19);
    CARRY(0, 26, 1, 1);
    for (int limb = 0; limb < LIMBS; limb++) out[limb] = (int32_t)h[limb];
}

#define P(a, b) ((int64_t)(a) * (b))

/** Twice the odd limbs: two of 25 bits are one short of the place where they belong. */
static void prepare(const field_t f, field_t doubled, field_t wrapped)
{
    for (int i = 0; i < LIMBS; i++) {
        doubled[i] = 2 * f[i];
        wrapped[i] = 19 * f[i]; /* Of what lies beyond 2^255. */
    }
}

static void multiply(field_t out, const field_t f, const field_t g)
{
    field_t d, w, unused;
    int64_t h[LIMBS];

    prepare(f, d, unused);
    prepare(g, unused, w);
    h[0] = P(f[0], g[0]) + P(d[1], w[9]) + P(f[2], w[8]) + P(d[3], w[7]) + P(f[4], w[6])
           + P(d[5], w[5]) + P(f[6], w[4]) + P(d[7], w[3]) + P(f[8], w[2]) + P(d[9], w[1]);
    h[1] = P(f[0], g[1]) + P(f[1], g[0]) + P(f[2], w[9]) + P(f[3], w[8]) + P(f[4], w[7])
           + P(f[5], w[6]) + P(f[6], w[5]) + P(f[7], w[4]) + P(f[8], w[3]) + P(f[9], w[2]);
    h[2] = P(f[0], g[2]) + P(d[1], g[1]) + P(f[2], g[0]) + P(d[3], w[9]) + P(f[4], w[8])
           + P(d[5], w[7]) + P(f[6], w[6]) + P(d[7], w[5]) + P(f[8], w[4]) + P(d[9], w[3]);
    h[3] = P(f[0], g[3]) + P(f[1], g[2]) + P(f[2], g[1]) + P(f[3], g[0]) + P(f[4], w[9])
           + P(f[5], w[8]) + P(f[6], w[7]) + P(f[7], w[6]) + P(f[8], w[5]) + P(f[9], w[4]);
    h[4] = P(f[0], g[4]) + P(d[1], g[3]) + P(f[2], g[2]) + P(d[3], g[1]) + P(f[4], g[0])
           + P(d[5], w[9]) + P(f[6], w[8]) + P(d[7], w[7]) + P(f[8], w[6]) + P(d[9], w[5]);
    h[5] = P(f[0], g[5]) + P(f[1], g[4]) + P(f[2], g[3]) + P(f[3], g[2]) + P(f[4], g[1])
           + P(f[5], g[0]) + P(f[6], w[9]) + P(f[7], w[8]) + P(f[8], w[7]) + P(f[9], w[6]);
    h[6] = P(f[0], g[6]) + P(d[1], g[5]) + P(f[2], g[4]) + P(d[3], g[3]) + P(f[4], g[2])
           + P(d[5], g[1]) + P(f[6], g[0]) + P(d[7], w[9]) + P(f[8], w[8]) + P(d[9], w[7]);
    h[7] = P(f[0], g[7]) + P(f[1], g[6]) + P(f[2], g[5]) + P(f[3], g[4]) + P(f[4], g[3])
           + P(f[5], g[2]) + P(f[6], g[1]) + P(f[7], g[0]) + P(f[8], w[9]) + P(f[9], w[8]);
    h[8] = P(f[0], g[8]) + P(d[1], g[7]) + P(f[2], g[6]) + P(d[3], g[5]) + P(f[4], g[4])
           + P(d[5], g[3]) + P(f[6], g[2]) + P(d[7], g[1]) + P(f[8], g[0]) + P(d[9], w[9]);
    h[9] = P(f[0], g[9]) + P(f[1], g[8]) + P(f[2], g[7]) + P(f[3], g[6]) + P(f[4], g[5])
           + P(f[5], g[4]) + P(f[6], g[3]) + P(f[7], g[2]) + P(f[8], g[1]) + P(f[9], g[0]);
    carry_all(out, h);
}

static void square(field_t out, const field_t f)
{
    field_t d, w;
    int64_t h[LIMBS];

    prepare(f, d, w);
    h[0] = P(f[0], f[0]) + 2 * P(d[1], w[9]) + P(d[2], w[8])
           + 2 * P(d[3], w[7]) + P(d[4], w[6]) + P(d[5], w[5]);
    h[1] = P(d[0], f[1]) + P(d[2], w[9]) + P(d[3], w[8])
           + P(d[4], w[7]) + P(d[5], w[6]);
    h[2] = P(d[0], f[2]) + P(d[1], f[1]) + 2 * P(d[3], w[9])
           + P(d[4], w[8]) + 2 * P(d[5], w[7]) + P(f[6], w[6]);
    h[3] = P(d[0], f[3]) + P(d[1], f[2]) + P(d[4], w[9])
           + P(d[5], w[8]) + P(d[6], w[7]);
    h[4] = P(d[0], f[4]) + 2 * P(d[1], f[3]) + P(f[2], f[2])
           + 2 * P(d[5], w[9]) + P(d[6], w[8]) + P(d[7], w[7]);
    h[5] = P(d[0], f[5]) + P(d[1], f[4]) + P(d[2], f[3])
           + P(d[6], w[9]) + P(d[7], w[8]);
    h[6] = P(d[0], f[6]) + 2 * P(d[1], f[5]) + P(d[2], f[4])
           + P(d[3], f[3]) + 2 * P(d[7], w[9]) + P(f[8], w[8]);
    h[7] = P(d[0], f[7]) + P(d[1], f[6]) + P(d[2], f[5])
           + P(d[3], f[4]) + P(d[8], w[9]);
    h[8] = P(d[0], f[8]) + 2 * P(d[1], f[7]) + P(d[2], f[6])
           + 2 * P(d[3], f[5]) + P(f[4], f[4]) + P(d[9], w[9]);
    h[9] = P(d[0], f[9]) + P(d[1], f[8]) + P(d[2], f[7])
           + P(d[3], f[6]) + P(d[4], f[5]);
    carry_all(out, h);
}

static void multiply_small(field_t out, const field_t f, int32_t factor)
{
    int64_t h[LIMBS];

    for (int i = 0; i < LIMBS; i++) h[i] = P(f[i], factor);
    carry_all(out, h);
}

static void add(field_t out, const field_t f, const field_t g)
{
    for (int i = 0; i < LIMBS; i++) out[i] = f[i] + g[i];
}

static void subtract(field_t out, const field_t f, const field_t g)
{
    for (int i = 0; i < LIMBS; i++) out[i] = f[i] - g[i];
}

static void square_times(field_t out, const field_t f, int times)
{
    square(out, f);
    while (--times > 0) square(out, out);
}

/** f^(p - 2), Fermat. The names tell the exponent: e5 is 2^5 - 1. */
static void invert(field_t out, const field_t f)
{
    field_t f2, f9, f11, e5, e10, e20, e50, e100, t;

    square(f2, f);
    square_times(t, f2, 2);
    multiply(f9, t, f);
    multiply(f11, f9, f2);
    square(t, f11);
    multiply(e5, t, f9);
    square_times(t, e5, 5);
    multiply(e10, t, e5);
    square_times(t, e10, 10);
    multiply(e20, t, e10);
    square_times(t, e20, 20);
    multiply(t, t, e20);
    square_times(t, t, 10);
    multiply(e50, t, e10);
    square_times(t, e50, 50);
    multiply(e100, t, e50);
    square_times(t, e100, 100);
    multiply(t, t, e100);
    square_times(t, t, 50);
    multiply(t, t, e50);
    square_times(t, t, 5);
    multiply(out, t, f11);
}

/** The limb that begins at bit ceil(25.5 i), out of 32 bytes. The top bit is passed over. */
static void decode(field_t out, const uint8_t bytes[X25519_SIZE])
{
    int64_t h[LIMBS];
    unsigned bit = 0;

    for (int limb = 0; limb < LIMBS; bit += bits_of(limb), limb++) {
        uint64_t word = 0;

        for (unsigned i = 0; i < 5 && bit / 8 + i < X25519_SIZE; i++) {
            word |= (uint64_t)bytes[bit / 8 + i] << 8 * i;
        }
        h[limb] = (int64_t)(word >> bit % 8 & ((UINT64_C(1) << bits_of(limb)) - 1));
    }
    carry_all(out, h);
}

/** The one number below p, little-endian. */
static void encode(uint8_t bytes[X25519_SIZE], const field_t f)
{
    int64_t h[LIMBS];
    /* How often p goes into f, to the nearest below: as a carry that runs through all limbs. */
    int64_t q = (19 * (int64_t)f[9] + (INT64_C(1) << 24)) >> 25;

    for (int limb = 0; limb < LIMBS; limb++) {
        h[limb] = f[limb];
        q = (h[limb] + q) >> bits_of(limb);
    }
    h[0] += 19 * q;
    for (int limb = 0; limb < LIMBS; limb++) {
        const int64_t carry = h[limb] >> bits_of(limb);

        h[limb] -= carry * (INT64_C(1) << bits_of(limb));
        if (limb < LIMBS - 1) h[limb + 1] += carry;
    }
    uint64_t pending = 0;
    unsigned filled = 0, at = 0;
    for (int limb = 0; limb < LIMBS; limb++) {
        pending |= (uint64_t)h[limb] << filled;
        filled += bits_of(limb);
        for (; filled >= 8; filled -= 8, pending >>= 8) bytes[at++] = (uint8_t)pending;
    }
    bytes[at] = (uint8_t)pending;
}

/** Swaps if `bit` is 1, in the same steps if it is 0. */
static void swap(field_t f, field_t g, uint32_t bit)
{
    const uint32_t mask = 0 - bit;

    for (int i = 0; i < LIMBS; i++) {
        const uint32_t difference = mask & ((uint32_t)f[i] ^ (uint32_t)g[i]);

        f[i] = (int32_t)((uint32_t)f[i] ^ difference);
        g[i] = (int32_t)((uint32_t)g[i] ^ difference);
    }
}

typedef struct {
    field_t x1, x2, z2, x3, z3;
} ladder_t;

/** One step of RFC 7748 §5, whose names these are. */
static void step(ladder_t *l)
{
    field_t a, b, c, d, aa, bb, e;

    add(a, l->x2, l->z2);
    subtract(b, l->x2, l->z2);
    add(c, l->x3, l->z3);
    subtract(d, l->x3, l->z3);
    multiply(d, d, a);
    multiply(c, c, b);
    square(aa, a);
    square(bb, b);
    add(a, d, c);
    square(l->x3, a);
    subtract(b, d, c);
    square(b, b);
    multiply(l->z3, b, l->x1);
    multiply(l->x2, aa, bb);
    subtract(e, aa, bb);
    multiply_small(a, e, A24);
    add(a, a, aa);
    multiply(l->z2, e, a);
}

void x25519(uint8_t out[X25519_SIZE], const uint8_t scalar[X25519_SIZE],
            const uint8_t point[X25519_SIZE])
{
    ladder_t l = { .x2 = { 1 }, .z3 = { 1 } };
    uint8_t k[X25519_SIZE];
    uint32_t swapped = 0;

    for (int i = 0; i < X25519_SIZE; i++) k[i] = scalar[i];
    k[0] &= 248;
    k[31] = (uint8_t)((k[31] & 127) | 64);
    decode(l.x1, point);
    for (int i = 0; i < LIMBS; i++) l.x3[i] = l.x1[i];
    for (int bit = TOP_BIT; bit >= 0; bit--) {
        const uint32_t now = (uint32_t)k[bit / 8] >> bit % 8 & 1;

        swap(l.x2, l.x3, swapped ^ now);
        swap(l.z2, l.z3, swapped ^ now);
        swapped = now;
        step(&l);
    }
    swap(l.x2, l.x3, swapped);
    swap(l.z2, l.z3, swapped);
    invert(l.z2, l.z2);
    multiply(l.x2, l.x2, l.z2);
    encode(out, l.x2);
    crypto_wipe(&l, sizeof l);
    crypto_wipe(k, sizeof k);
}

void x25519_public_key(uint8_t out[X25519_SIZE], const uint8_t scalar[X25519_SIZE])
{
    static const uint8_t BASE[X25519_SIZE] = { 9 };

    x25519(out, scalar, BASE);
}
