#include "peer/comparison.h"

#include "peer/bytes.h"

static slice_t label(const char *text)
{
    return (slice_t){ (const uint8_t *)text, strlen(text) };
}

peer_error_t comparison_commit(const uint8_t *s_a, const uint8_t *e_a, const uint8_t *r_a,
                               uint8_t commit[HASH_SIZE])
{
    const slice_t parts[] = { label("sotto-sas1"), { s_a, KEY_SIZE }, { e_a, KEY_SIZE },
                              { r_a, COMPARISON_NONCE_SIZE } };

    return crypto_hash(parts, 4, commit);
}

/** `value` with leading zeros, and a terminating one. */
static void put_decimal(char *text, uint64_t value, unsigned digits)
{
    text[digits] = '\0';
    while (digits-- > 0) {
        text[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

peer_error_t comparison_code(const comparison_t *of, char code[CODE_SIZE + 1])
{
    const slice_t keys[] = { { of->e_a, KEY_SIZE }, { of->e_b, KEY_SIZE },
                             { of->s_a, KEY_SIZE }, { of->s_b, KEY_SIZE } };
    uint8_t salt[HASH_SIZE], secret[2 * COMPARISON_NONCE_SIZE], out[8];

    PEER_TRY(crypto_hash(keys, 4, salt));
    memcpy(secret, of->r_a, COMPARISON_NONCE_SIZE);
    memcpy(secret + COMPARISON_NONCE_SIZE, of->r_b, COMPARISON_NONCE_SIZE);
    PEER_TRY(crypto_hkdf((slice_t){ secret, sizeof secret }, (slice_t){ salt, sizeof salt },
                         label("sotto-sas1"), out, sizeof out));
    put_decimal(code, get_u64(out) % 1000000, CODE_SIZE);
    return PEER_OK;
}

peer_error_t key_check_value(const uint8_t handshake_hash[HASH_SIZE], char text[KEY_CHECK_SIZE + 1])
{
    static const char DIGITS[] = "0123456789abcdef";
    uint8_t out[KEY_CHECK_SIZE / 2];

    PEER_TRY(crypto_hkdf((slice_t){ handshake_hash, HASH_SIZE }, label(""), label("sotto-kcv1"),
                         out, sizeof out));
    for (unsigned i = 0; i < KEY_CHECK_SIZE; i++) {
        text[i] = DIGITS[out[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
    }
    text[KEY_CHECK_SIZE] = '\0';
    return PEER_OK;
}

peer_error_t fingerprint(const uint8_t key[KEY_SIZE], char text[FINGERPRINT_SIZE + 1])
{
    const slice_t parts[] = { label("sotto-fingerprint1"), { key, KEY_SIZE } };
    uint8_t hash[HASH_SIZE];

    PEER_TRY(crypto_hash(parts, 2, hash));
    for (unsigned i = 0; i < 6; i++) {
        const uint64_t number = (uint64_t)hash[5 * i] << 32 | get_u32(hash + 5 * i + 1);
        put_decimal(text + 5 * i, number % 100000, 5);
    }
    return PEER_OK;
}
