#pragma once

#include <stdbool.h>

#include "peer/crypto.h"

/** A pairing code: 128 random bits that people carry, PROTOCOL §7. */
enum {
    PAIRING_SECRET_SIZE = 16,
    PAIRING_TEXT_SIZE = 35, /**< Six groups of five, five "-". */
};

/** Writes the text with a terminating zero. */
PEER_CHECKED peer_error_t pairing_code_encode(const uint8_t secret[PAIRING_SECRET_SIZE],
                                              char text[PAIRING_TEXT_SIZE + 1]);

/** Reads what a person typed. PEER_ERROR_MALFORMED if it is no code, or mistyped. */
PEER_CHECKED peer_error_t pairing_code_decode(const char *text,
                                              uint8_t secret[PAIRING_SECRET_SIZE]);

PEER_CHECKED peer_error_t pairing_code_psk(const uint8_t secret[PAIRING_SECRET_SIZE],
                                           uint8_t psk[KEY_SIZE]);
