#pragma once

#include <stdbool.h>

#include "peer/crypto.h"

/** What a transport packet protects, PROTOCOL §8. */

typedef enum {
    PAYLOAD_OUTBOX = 1,
    PAYLOAD_MESSAGE,
    PAYLOAD_PART,
    PAYLOAD_ACK,
    PAYLOAD_TIME,
    PAYLOAD_LETTER_ACK,
} payload_kind_t;

typedef enum { CONTENT_TEXT = 1, CONTENT_FILE, CONTENT_READING, CONTENT_NOTICE } content_type_t;

enum { PAYLOAD_HEADER_SIZE = 3, NOTICE_SIZE = 18 };

typedef struct {
    payload_kind_t kind;
    uint64_t epoch;    /**< OUTBOX, ACK, LETTER_ACK */
    uint64_t sequence; /**< MESSAGE, PART, LETTER_ACK; of OUTBOX: lowest, of ACK: next */
    uint32_t part_index, part_count;
    uint8_t time_event;
    uint64_t unix_ms, uptime_ms;
    slice_t bytes; /**< Content, slice of a part, or bitmap. */
} payload_t;

/** Checks and removes the padding. */
PEER_CHECKED peer_error_t plaintext_unpad(slice_t *plaintext);

/** Judges all payloads of one packet: one that is malformed makes the whole so. */
PEER_CHECKED peer_error_t payloads_check(slice_t payloads);

/** Takes the next payload off the front; false at the end. Call after payloads_check. */
bool payload_next(slice_t *payloads, payload_t *payload);

/** A plaintext that is being written. A payload that finds no room is left out, and told. */
typedef struct {
    uint8_t *bytes;
    size_t room; /**< A multiple of 16. */
    size_t size;
} plaintext_writer_t;

/** Adds a payload of up to three pieces. */
bool plaintext_add(plaintext_writer_t *writer, payload_kind_t kind, const slice_t *pieces,
                   size_t count);
bool plaintext_add_outbox(plaintext_writer_t *writer, uint64_t epoch, uint64_t lowest);
bool plaintext_add_message(plaintext_writer_t *writer, uint64_t sequence, content_type_t type,
                           slice_t body);

/**
 * Where the body of the next MESSAGE may be written, with room for `*room` bytes; end it with
 * plaintext_end_message.
 */
uint8_t *plaintext_message_space(plaintext_writer_t *writer, size_t *room);
void plaintext_end_message(plaintext_writer_t *writer, uint64_t sequence, content_type_t type,
                           size_t body_size);
bool plaintext_add_ack(plaintext_writer_t *writer, uint64_t epoch, uint64_t next, slice_t bitmap);
bool plaintext_add_letter_ack(plaintext_writer_t *writer, uint64_t epoch, uint64_t sequence);
bool plaintext_add_time(plaintext_writer_t *writer, uint8_t event, uint64_t unix_ms,
                        uint64_t uptime_ms);

/** Bytes that a MESSAGE with a content of `content_size` takes. */
size_t message_size(size_t content_size);

/** Pads; nothing may be added afterwards. */
void plaintext_finish(plaintext_writer_t *writer);
