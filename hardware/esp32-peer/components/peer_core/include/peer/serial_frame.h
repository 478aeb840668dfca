#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/error.h"

/**
 * Frames on a serial line, docs/SERIAL.md §2; the twin of src/link/serial-frame.ts:
 *
 *     00 | COBS( header 4 | payload 0…512 | CRC-32 4 ) | 00
 */

enum {
    FRAME_VERSION = 1,
    FRAME_PAYLOAD_SIZE_MAX = 512,
    FRAME_HEADER_SIZE = 4,
    FRAME_CRC_SIZE = 4,
    FRAME_BODY_SIZE_MAX = FRAME_HEADER_SIZE + FRAME_PAYLOAD_SIZE_MAX + FRAME_CRC_SIZE,
    /** Between two zeros: COBS adds one byte, and one more for every 254. */
    FRAME_CODED_SIZE_MAX = FRAME_BODY_SIZE_MAX + (FRAME_BODY_SIZE_MAX + 253) / 254,
    FRAME_SIZE_MAX = FRAME_CODED_SIZE_MAX + 2,
};

typedef enum { FRAME_HELLO = 1, FRAME_DATA = 2, FRAME_ACK = 3, FRAME_LOG = 4 } frame_type_t;

typedef enum { CHANNEL_LINK, CHANNEL_PACKETS, CHANNEL_VERBS, CHANNEL_LOG } channel_t;

typedef struct {
    frame_type_t type;
    channel_t channel;
    bool more; /**< Another frame of the same record follows. */
    uint8_t seq;
    uint8_t ack;
    const uint8_t *payload; /**< Not owned. */
    size_t payload_size;
} frame_t;

/**
 * Why bytes between two zeros are no frame. All but FOREIGN are the line's fault and say nothing
 * about keys; FOREIGN is whole, but of another version, type or channel.
 */
typedef enum { NOISE_COBS, NOISE_CRC, NOISE_SIZE, NOISE_FOREIGN, NOISE_KINDS } noise_t;

/**
 * Writes one frame with both its zeros.
 *
 * @return PEER_ERROR_NO_ROOM if the payload is too large or `room` too small.
 */
PEER_CHECKED peer_error_t frame_encode(const frame_t *frame, uint8_t *out, size_t room,
                                       size_t *size);

/**
 * Decodes, in place, what stands between two zeros; `frame->payload` then points into `coded`.
 *
 * @param noise  Receives the reason if false is returned.
 */
PEER_CHECKED bool frame_decode(uint8_t *coded, size_t size, frame_t *frame, noise_t *noise);

typedef enum { READ_NOTHING, READ_FRAME, READ_NOISE, READ_TEXT } read_kind_t;

typedef struct {
    read_kind_t kind;
    frame_t frame;       /**< Of READ_FRAME; valid until the next call. */
    noise_t noise;       /**< Of READ_NOISE. */
    const uint8_t *text; /**< Of READ_TEXT: before the first zero. Show it, never parse it. */
    size_t text_size;
} read_event_t;

/** Cuts a stream of bytes into frames. All zero is a fresh reader; it holds one frame at most. */
typedef struct {
    bool has_begun;
    bool is_overlong;
    size_t size;
    uint8_t coded[FRAME_CODED_SIZE_MAX];
} frame_reader_t;

/** Reads until something happened or all is read; returns how many bytes were read. */
size_t frame_reader_read(frame_reader_t *reader, const uint8_t *bytes, size_t size,
                         read_event_t *event);

/** CRC-32 of IEEE 802.3: finds what a line breaks, proves nothing against who means it. */
uint32_t crc32_of(const uint8_t *bytes, size_t size);

/** Of more bytes; `crc` is that of those before, 0 if there are none. */
uint32_t crc32_add(uint32_t crc, const uint8_t *bytes, size_t size);
