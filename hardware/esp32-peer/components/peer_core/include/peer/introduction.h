#pragma once

#include <stdbool.h>

#include "peer/crypto.h"

/** Payloads of handshake messages, PROTOCOL §4.1. */

enum {
    NAME_SIZE_MAX = 64,
    ADDRESS_SIZE_MAX = 255,
    INTRODUCTION_SIZE_MAX = 12 + NAME_SIZE_MAX + ADDRESS_SIZE_MAX,
    MAX_FRAME_MIN = 512,
};

enum {
    CAPABILITY_PARTS = 1u << 0,
    CAPABILITY_LETTERS = 1u << 1,
    CAPABILITY_PICTURES = 1u << 2,
    CAPABILITY_READINGS = 1u << 3,
    CAPABILITY_TIME = 1u << 4,
};

typedef struct {
    uint32_t index;
    uint32_t capabilities;
    uint16_t max_frame;
    char name[NAME_SIZE_MAX + 1];
    char address[ADDRESS_SIZE_MAX + 1];
} introduction_t;

/** Returns the size; `out` has room for INTRODUCTION_SIZE_MAX. */
size_t introduction_encode(const introduction_t *introduction, uint8_t *out);

/** Reads the front of a payload; `rest` is what follows it. */
PEER_CHECKED peer_error_t introduction_decode(slice_t payload, introduction_t *introduction,
                                              slice_t *rest);

bool is_utf8(slice_t text);

/** http://HOST:PORT, PROTOCOL §3.1. */
bool is_address(slice_t text);
