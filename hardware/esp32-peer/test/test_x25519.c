/*
 * Goal: the ladder computes X25519, and its steps depend on no secret.
 * Method: RFC 7748's vectors and its iteration; PSA's own X25519 over random numbers, edges of the
 * field among them. With -DCONSTANT_TIME, under clang's memory sanitizer: secrets are marked as
 * never initialised, so whatever branch or index of the compiled code depends on one is reported.
 *
 *     build/test_x25519 [ITERATIONS]
 */
#include "check.h"
#include "peer/x25519.h"

static uint64_t random_state = 1;

static void random_bytes(uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        out[i] = (uint8_t)(random_state >> 56);
    }
}

#ifdef CONSTANT_TIME
#include <sanitizer/msan_interface.h>

void crypto_wipe(void *secret, size_t size);
void crypto_wipe(void *secret, size_t size)
{
    volatile uint8_t *byte = secret;
    while (size-- > 0) *byte++ = 0;
}

int main(int count, char **arguments)
{
    uint8_t scalar[32], point[32], out[32];

    for (int i = 0; i < 20; i++) {
        random_bytes(scalar, sizeof scalar);
        random_bytes(point, sizeof point);
        __msan_allocated_memory(scalar, sizeof scalar);
        if (i % 2 == 0) __msan_allocated_memory(point, sizeof point);
        x25519(out, scalar, point);
        CHECK(__msan_test_shadow(out, sizeof out) == 0, "the result depends on the secret");
        __msan_unpoison(out, sizeof out);
    }
    /* What it is to find: one branch on a secret ends the process. */
    if (count > 1 && strcmp(arguments[1], "break") == 0) {
        __msan_allocated_memory(scalar, sizeof scalar);
        if (scalar[0] == 7) puts("seven");
    }
    puts("x25519 in constant time: ok");
    return 0;
}
#else
#include <psa/crypto.h>

static void psa_x25519(uint8_t out[32], const uint8_t scalar[32], const uint8_t point[32])
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t key = 0;
    size_t size = 0;

    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_MONTGOMERY));
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDH);
    CHECK(psa_import_key(&attributes, scalar, 32, &key) == PSA_SUCCESS, "import");
    CHECK(psa_raw_key_agreement(PSA_ALG_ECDH, key, point, 32, out, 32, &size) == PSA_SUCCESS, "psa");
    CHECK(psa_destroy_key(key) == PSA_SUCCESS && size == 32, "psa");
}

static void check(const char *scalar, const char *point, const char *expected)
{
    const blob_t k = unhex(scalar), u = unhex(point), r = unhex(expected);
    uint8_t out[32];

    x25519(out, k.data, u.data);
    CHECK(memcmp(out, r.data, 32) == 0, expected);
}

static void test_vectors(void)
{
    check("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
          "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
          "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    check("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
          "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
          "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

/** §5.2: k and u begin at 9; each k is the next u. */
static void test_iterations(unsigned long count)
{
    static const struct {
        unsigned long after;
        const char *expected;
    } KNOWN[] = {
        { 1, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079" },
        { 1000, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51" },
        { 1000000, "7c3911e0ab2586fd864497297e575e6f3bc601c0883c30df5f4dd2d24f665424" },
    };
    uint8_t k[32] = { 9 }, u[32] = { 9 }, out[32];
    size_t next = 0;

    for (unsigned long i = 1; i <= count; i++) {
        x25519(out, k, u);
        memcpy(u, k, sizeof u);
        memcpy(k, out, sizeof k);
        if (next == COUNT(KNOWN) || i != KNOWN[next].after) continue;
        CHECK(memcmp(k, unhex(KNOWN[next].expected).data, 32) == 0, KNOWN[next].expected);
        next++;
    }
}

static void test_against_psa(unsigned rounds)
{
    uint8_t scalar[32], point[32], out[32], expected[32];

    for (unsigned round = 0; round < rounds; round++) {
        random_bytes(scalar, sizeof scalar);
        random_bytes(point, sizeof point);
        point[31] &= 127;
        if (round % 8 == 1) memset(point + 1, 0xFF, 30), point[31] = 127; /* Near p. */
        if (round % 8 == 3) memset(point + 8, 0, 24);
        if (round % 8 == 5) memset(scalar, round % 16 == 5 ? 0xFF : 0, 32);
        if (round % 8 == 7) memset(point + 4, 0xFF, 20);
        if (point[31] == 127 && point[0] >= 0xED) point[0] = 0xEC;
        if (round % 8 == 1 && point[0] == 0xEC) point[0] = 0xEB; /* p - 1 has a small order. */
        psa_x25519(expected, scalar, point);
        x25519(out, scalar, point);
        CHECK(memcmp(out, expected, 32) == 0, "as PSA");
        x25519_public_key(out, scalar);
        psa_x25519(expected, scalar, (const uint8_t[32]){ 9 });
        CHECK(memcmp(out, expected, 32) == 0, "public key, as PSA");
    }
}

/** Points of small order give zero, which crypto_dh refuses; numbers above p are those below it. */
static void test_strange_points(void)
{
    static const uint8_t ZERO[32];
    uint8_t scalar[32], point[32] = { 0 }, out[32], same[32];

    random_bytes(scalar, sizeof scalar);
    for (uint8_t low = 0; low < 2; low++) {
        point[0] = low;
        x25519(out, scalar, point);
        CHECK(memcmp(out, ZERO, 32) == 0, "small order");
    }
    memset(point, 0xFF, sizeof point);
    point[0] = 0xED + 9, point[31] = 127; /* p + 9 */
    x25519(out, scalar, point);
    x25519_public_key(same, scalar);
    CHECK(memcmp(out, same, 32) == 0, "p + 9 is 9");
    point[31] = 255;
    x25519(out, scalar, point);
    CHECK(memcmp(out, same, 32) == 0, "the top bit is passed over");
}

int main(int count, char **arguments)
{
    CHECK(psa_crypto_init() == PSA_SUCCESS, "start");
    test_vectors();
    test_iterations(count > 1 ? strtoul(arguments[1], NULL, 10) : 1000);
    test_against_psa(200);
    test_strange_points();
    puts("x25519: ok");
    return 0;
}
#endif
