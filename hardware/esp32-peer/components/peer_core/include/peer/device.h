#pragma once

#include "peer/picture_post.h"
#include "peer/serial_line.h"

/**
 * A device: the peer, its serial line (docs/SERIAL.md §5), its console and its sensors' schedule.
 * Polled; the port feeds bytes, carries bytes away, and asks when to measure.
 */
enum {
    DEVICE_REPLY_MS = 10 * 1000,
    DEVICE_LINE_SIZE_MAX = 300, /**< A line typed at the console. */
};

typedef struct {
    void *context;
    /** Shows text on the device's own console, which no bridge reads: codes, plaintext. NULL: none. */
    void (*print)(void *context, const char *text);
} device_console_t;

/** A record that waits until the line is idle. */
typedef struct {
    size_t size; /**< 0: none. */
    channel_t channel;
    uint8_t bytes[LINE_MTU];
} device_record_t;

typedef struct {
    peer_t peer;
    serial_line_t line;
    device_console_t console;
    device_record_t reply;   /**< To what the other end asked. */
    device_record_t request; /**< What this end asks. */
    contact_t *asked;        /**< Whom the exchange that is out is for; NULL: none is. */
    uint8_t exchange;        /**< Its number. */
    uint64_t asked_at_ms;
    uint32_t asked_address, reached_address; /**< CRC-32; of the one that answered last. */
    bool is_reading_asked;   /**< By the other end of the line. */
    uint64_t asked_again_ms; /**< When it may ask for the next. */
    bool measure_now;        /**< A reading is to be taken. */
    picture_post_t *post;    /**< For pictures; NULL: this device sends none. */
    bool picture_now;        /**< Somebody asked for a reading in a picture. */
    bool has_wifi;           /**< `wifi` at the console is taken. */
    bool restart_now;        /**< A person has set what is read at the start only. */
    size_t prefix_at;        /**< How much of `request` has gone before the picture. */
} device_t;

/** Starts the line; `peer` was started already. */
void device_start(device_t *device, device_console_t console, uint64_t boot_id, uint32_t baud,
                  uint64_t now_ms);

/** Bytes from the line. */
void device_receive(device_t *device, const uint8_t *bytes, size_t size, uint64_t now_ms);

/** Writes bytes for the line to `out`; call until it returns 0. */
size_t device_poll(device_t *device, uint64_t now_ms, uint8_t out[FRAME_SIZE_MAX]);

/**
 * The other end asks for a reading: one is taken, but one a second at most, and none while several
 * wait, which are then the next to be sent.
 */
void device_ask_reading(device_t *device);

/** Shows on the console what a person should hear of. */
void device_tell_news(device_t *device);

/** Hides this measurement in a fresh picture and sends it; says on the console how that went. */
void device_send_picture(device_t *device, const measurement_t *measurement, uint64_t now_ms);

/** One line typed at the device's own console. */
void device_command(device_t *device, char *line, uint64_t now_ms);

/** A verb from the other end; writes its JSON answer, public facts only, and returns the size. */
size_t device_verb(device_t *device, slice_t verb, uint64_t now_ms, char *json, size_t room);
