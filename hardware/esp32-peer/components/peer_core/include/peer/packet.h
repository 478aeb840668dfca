#pragma once

#include <stdbool.h>

#include "peer/crypto.h"

/** Bundles, PROTOCOL §3, and the outside of packets, §4. */

typedef enum {
    PACKET_XX1 = 1,
    PACKET_XX2,
    PACKET_XX3,
    PACKET_PSK1,
    PACKET_PSK2,
    PACKET_PSK3,
    PACKET_KK1,
    PACKET_KK2,
    PACKET_LETTER,
    PACKET_TRANSPORT,
    PACKET_STATUS,
} packet_type_t;

typedef enum { STATUS_NONE, STATUS_STALE, STATUS_UNKNOWN, STATUS_BUSY, STATUS_REFUSED } status_code_t;

enum {
    HEADER_SIZE_MAX = 16,
    GATE_SIZE = 16,
    ECHO_SIZE = 8,
    STATUS_SIZE = 12,
    PROLOGUE_SIZE = 8,
};

typedef struct {
    packet_type_t type;
    uint32_t index;    /**< 0 where the header has none. */
    uint64_t counter;  /**< Of TRANSPORT. */
    status_code_t status;
    slice_t header, body, whole; /**< Views; of STATUS the body is the echo. */
} packet_t;

/** Takes the next packet off the front of `bundle`. False, at its end or if framing is broken. */
bool bundle_next(slice_t *bundle, slice_t *packet);

/** Whether the framing is exact. */
bool bundle_is_exact(slice_t bundle);

/** A bundle that is being written; `is_full` says that a packet was left out. */
typedef struct {
    uint8_t *bytes;
    size_t room, size;
    bool is_full;
} bundle_writer_t;

/** Where the next packet may be written, with room for `*room` bytes; end it with bundle_add. */
uint8_t *bundle_space(bundle_writer_t *bundle, size_t *room);
void bundle_add(bundle_writer_t *bundle, size_t packet_size);

/** Judges type, reserved bytes and size. */
PEER_CHECKED peer_error_t packet_decode(slice_t whole, packet_t *packet);

/** Returns the size of the header. */
size_t header_encode(packet_type_t type, uint32_t index, uint64_t counter,
                     uint8_t out[HEADER_SIZE_MAX]);

/** STATUS about `whole`; nothing is written if there is no room. */
PEER_CHECKED peer_error_t status_add(bundle_writer_t *bundle, status_code_t code, slice_t whole);
PEER_CHECKED peer_error_t status_echo(slice_t whole, uint8_t echo[ECHO_SIZE]);

/** "sotto" ‖ version ‖ suite ‖ the type of the pattern's first packet, §2. */
void prologue_encode(packet_type_t first, uint8_t out[PROLOGUE_SIZE]);
