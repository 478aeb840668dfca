#pragma once

#include <stddef.h>

#include "peer/error.h"
#include "peer/reading.h"

/** How the device is; counters since it was last flashed or since its start. docs/SERIAL.md §6. */
typedef struct {
    uint32_t boots, crashes, brownouts;
    uint32_t reset_reason;
    uint32_t dropped;     /**< Readings that were lost: no room, or no store. */
    uint32_t queued;      /**< Readings that wait. */
    uint32_t line_errors; /**< Noise on the serial line. */
    uint32_t tag_failures;
    uint32_t heap_free, stack_free; /**< Bytes; the least ever seen. */
} health_t;

enum {
    SENML_READINGS_MAX = 4,
    SENML_SIZE_MAX = 1800, /**< Of so many with health, whatever the numbers and the name. */
};

/**
 * Encodes readings as one SenML pack in CBOR, RFC 8428, deterministically, RFC 8949 §4.2. One
 * stands value by value under the device's name; several share name, unit and first time of each
 * value. What is finer than its sensor's noise goes as half floats, the rest exactly.
 *
 * @param device    The base name without its colon: 1 … 64 bytes of UTF-8.
 * @param readings  1 … SENML_READINGS_MAX, the oldest first, all sure or all unsure.
 * @param health    Also put in, or NULL.
 * @return PEER_ERROR_NO_ROOM if `room` is too small.
 */
PEER_CHECKED peer_error_t senml_encode(const char *device, const reading_t *readings, size_t count,
                                       const health_t *health, uint8_t *out, size_t room,
                                       size_t *size);
