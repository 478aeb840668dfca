#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/serial_frame.h"

/**
 * Stop and wait over frames, docs/SERIAL.md §3 and §4; the twin of src/link/serial-line.ts.
 * Polled: time is an argument, in milliseconds from any start.
 */

enum {
    LINE_MTU = 2048, /**< The largest record this side takes or sends. */
    LINE_MTU_MIN = 512,
    LINE_FIRMWARE_SIZE_MAX = 32,
};

/** What happened on this line. Noise is the line's doing; wrong keys are counted elsewhere. */
typedef struct {
    uint32_t frames_received, frames_sent;
    uint32_t records_received, records_sent;
    uint32_t retries, duplicates, out_of_order, overlong, downs;
    uint32_t noise[NOISE_KINDS];
} line_counters_t;

/** Gives the next `size` bytes of a record, in order. */
typedef void (*line_source_t)(void *context, uint8_t *out, size_t size);

typedef struct {
    line_counters_t counters;
    /* How this side presents itself. */
    uint64_t boot_id;
    const char *firmware;
    uint32_t baud;
    uint32_t jitter;
    /* The other side, once it was heard. */
    uint64_t remote_boot_id;
    uint16_t remote_mtu;
    bool is_up;
    /* Sequence numbers, and what is due. */
    uint8_t seq, expected;
    bool ack_due, hello_due;
    uint64_t hello_at_ms, hello_last_ms;
    /* The record that is out. */
    bool has_outgoing;
    channel_t outgoing_channel;
    size_t outgoing_size, outgoing_offset;
    line_source_t source; /**< Where the rest of it comes from; `outgoing` is one frame then. */
    void *source_context;
    unsigned tries;
    uint64_t timeout_ms, deadline_ms;
    /* The record that is coming in; its size may grow past the room, its bytes do not. */
    channel_t incoming_channel;
    size_t incoming_size;
    frame_reader_t reader;
    uint8_t outgoing[LINE_MTU];
    uint8_t incoming[LINE_MTU];
} serial_line_t;

typedef enum { LINE_NOTHING, LINE_UP, LINE_DOWN, LINE_DOWN_UP, LINE_RECORD, LINE_TEXT } line_kind_t;

typedef struct {
    line_kind_t kind; /**< LINE_DOWN_UP: the other side began anew, and is there. */
    channel_t channel;
    const uint8_t *bytes; /**< Of LINE_RECORD and LINE_TEXT; valid until the next call. */
    size_t size;
} line_event_t;

/**
 * @param boot_id   Random: never the same for two runs, never 0.
 * @param firmware  Name and version, at most 32 bytes of text; must outlive `line`.
 * @param baud      Bits a second; only sets how long an ACK is waited for.
 */
void serial_line_init(serial_line_t *line, uint64_t boot_id, const char *firmware, uint32_t baud,
                      uint64_t now_ms);

/** A record may be sent now. */
bool serial_line_is_idle(const serial_line_t *line);

/** Copies the record. Whether it was taken: the line must be idle, and the record fit its mtu. */
PEER_CHECKED bool serial_line_send(serial_line_t *line, channel_t channel, const uint8_t *record,
                                   size_t size);

/** The same for a record that is made while it is sent, and may be longer than LINE_MTU. */
PEER_CHECKED bool serial_line_send_from(serial_line_t *line, channel_t channel, size_t size,
                                        line_source_t source, void *context);

/** Reads until something happened or all is read; returns how many bytes were read. */
size_t serial_line_receive(serial_line_t *line, const uint8_t *bytes, size_t size, uint64_t now_ms,
                           line_event_t *event);

/**
 * Writes the next frame that is due to `out`, FRAME_SIZE_MAX bytes; call until it returns 0.
 *
 * @param event  LINE_DOWN when the other side was given up, else LINE_NOTHING.
 */
size_t serial_line_poll(serial_line_t *line, uint64_t now_ms, uint8_t out[FRAME_SIZE_MAX],
                        line_event_t *event);

/** One line of the device's own log as a frame; needs no other side. Returns the bytes written. */
size_t serial_line_log(const uint8_t *text, size_t size, uint8_t out[FRAME_SIZE_MAX]);
