#include "peer/pairing_code.h"

#include <string.h>

static const char ALPHABET[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

enum { SECRET_DIGITS = 26, DIGITS = 30, GROUP = 5 };

/** Five bits of the 130-bit number secret ‖ 00. */
static unsigned secret_digit(const uint8_t secret[PAIRING_SECRET_SIZE], unsigned digit)
{
    unsigned value = 0;

    for (unsigned bit = 5 * digit; bit < 5 * digit + 5; bit++) {
        const unsigned is_set = bit < 128 ? (unsigned)secret[bit / 8] >> (7 - bit % 8) & 1 : 0;
        value = value << 1 | is_set;
    }
    return value;
}

static peer_error_t check_digits(const uint8_t secret[PAIRING_SECRET_SIZE], uint8_t digits[4])
{
    const slice_t parts[] = { { (const uint8_t *)"sotto-code1", 11 },
                              { secret, PAIRING_SECRET_SIZE } };
    uint8_t hash[HASH_SIZE];

    PEER_TRY(crypto_hash(parts, 2, hash));
    const uint32_t bits = (uint32_t)hash[0] << 12 | (uint32_t)hash[1] << 4 | hash[2] >> 4;
    for (unsigned i = 0; i < 4; i++) digits[i] = bits >> (15 - 5 * i) & 31;
    return PEER_OK;
}

peer_error_t pairing_code_encode(const uint8_t secret[PAIRING_SECRET_SIZE],
                                 char text[PAIRING_TEXT_SIZE + 1])
{
    uint8_t check[4];

    PEER_TRY(check_digits(secret, check));
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        if (digit > 0 && digit % GROUP == 0) *text++ = '-';
        const unsigned value =
            digit < SECRET_DIGITS ? secret_digit(secret, digit) : check[digit - SECRET_DIGITS];
        *text++ = ALPHABET[value];
    }
    *text = '\0';
    return PEER_OK;
}

/** What a character stands for, or 32 if for nothing. */
static uint8_t digit_of(char character)
{
    const char upper = character >= 'a' && character <= 'z' ? (char)(character - 32) : character;

    if (upper == 'I' || upper == 'L') return 1;
    if (upper == 'O') return 0;
    const char *found = upper == '\0' ? NULL : strchr(ALPHABET, upper);
    return found == NULL ? 32 : (uint8_t)(found - ALPHABET);
}

peer_error_t pairing_code_decode(const char *text, uint8_t secret[PAIRING_SECRET_SIZE])
{
    uint8_t digits[DIGITS], check[4], read[PAIRING_SECRET_SIZE] = { 0 };
    size_t count = 0;

    for (; *text != '\0'; text++) {
        if (*text == '-' || *text == ' ') continue;
        const uint8_t digit = digit_of(*text);
        if (digit == 32 || count == DIGITS) return PEER_ERROR_MALFORMED;
        digits[count++] = digit;
    }
    if (count != DIGITS || (digits[SECRET_DIGITS - 1] & 3) != 0) return PEER_ERROR_MALFORMED;
    for (unsigned bit = 0; bit < 128; bit++) {
        read[bit / 8] |= (uint8_t)((digits[bit / 5] >> (4 - bit % 5) & 1) << (7 - bit % 8));
    }
    PEER_TRY(check_digits(read, check));
    if (!crypto_equal(check, digits + SECRET_DIGITS, sizeof check)) return PEER_ERROR_MALFORMED;
    memcpy(secret, read, sizeof read);
    crypto_wipe(read, sizeof read);
    crypto_wipe(digits, sizeof digits);
    return PEER_OK;
}

peer_error_t pairing_code_psk(const uint8_t secret[PAIRING_SECRET_SIZE], uint8_t psk[KEY_SIZE])
{
    return crypto_hkdf((slice_t){ secret, PAIRING_SECRET_SIZE }, (slice_t){ secret, 0 },
                       (slice_t){ (const uint8_t *)"sotto-psk1", 10 }, psk, KEY_SIZE);
}
