#pragma once

#include "peer/error.h"
#include "peer/reading.h"
#include "peer/store.h"

/**
 * What waits for one contact, PROTOCOL §8.2: a ring of slots, kept in blocks in the store. The
 * slot's place in the row of all is its sequence.
 *
 * A reading counts as taken from the moment its block is saved; a text at once. Sequences are
 * reserved a block ahead, so that none is ever used twice, whenever the power goes.
 *
 * Readings that wait join the message before them, up to OUTBOX_SHARE, until it was sent once:
 * from then on what its sequence stands for never changes.
 */
enum {
    OUTBOX_SLOTS = 384, /**< More than an hour at one reading every 10 s. */
    OUTBOX_BLOCK = 8,
    OUTBOX_BLOCKS = OUTBOX_SLOTS / OUTBOX_BLOCK,
    OUTBOX_SHARE = 4,
    OUTBOX_TEXTS = 4,
    OUTBOX_TEXT_SIZE_MAX = 255,
};

typedef enum { ITEM_NONE, ITEM_READING, ITEM_TEXT, ITEM_NOTICE } item_kind_t;

typedef struct {
    uint64_t epoch, sequence;
    uint8_t reason;
} notice_t;

/** A reading in half the room: what a sensor cannot give does not fit, and is left out. */
typedef struct {
    uint32_t time_s;
    int32_t wide[4]; /**< Pressure, gx, gy, gz. */
    int16_t narrow[VALUES - 4];
    uint16_t present;
    uint16_t time_ms;
    uint8_t time_high; /**< Seconds above 2^32. */
    uint8_t is_unsure;
} packed_reading_t;

typedef struct {
    uint16_t sequence; /**< Its lowest bits: the ring is much shorter than what they tell apart. */
    uint8_t kind;      /**< ITEM_NONE once it was acknowledged. */
    uint8_t place;     /**< In its message; 0: its first. */
    union {
        packed_reading_t reading;
        uint8_t text; /**< Number of the text. */
        uint8_t notice[17];
    } of;
} outbox_slot_t;

/** As it stands in the store: whose it is, for its place is used again before the slot is stored. */
typedef struct {
    uint64_t sequence;
    char text[OUTBOX_TEXT_SIZE_MAX + 1];
} outbox_text_t;

/** One message that waits. */
typedef struct {
    uint64_t sequence;
    item_kind_t kind;
    size_t count; /**< Of readings. */
    union {
        reading_t readings[OUTBOX_SHARE];
        const char *text;
        notice_t notice;
    } of;
} outbox_message_t;

typedef struct {
    const store_t *store;
    char contact; /**< A letter that tells this outbox's names in the store from others'. */
    uint64_t epoch, lowest, next, reserved;
    uint64_t open_time_ms;
    uint8_t open_count; /**< Readings in the last message; 0: nothing may join it any more. */
    bool open_is_unsure;
    uint32_t dropped; /**< What had to make room, and readings that could not be stored; for good. */
    outbox_text_t texts[OUTBOX_TEXTS];
    outbox_slot_t slots[OUTBOX_SLOTS];
} outbox_t;

/** Loads what the store has; else begins `fresh_epoch`, 64 random bits. */
PEER_CHECKED peer_error_t outbox_start(outbox_t *outbox, const store_t *store, char contact,
                                       uint64_t fresh_epoch);

/** Forgets everything and begins another epoch, for another contact. */
PEER_CHECKED peer_error_t outbox_reset(outbox_t *outbox, uint64_t fresh_epoch);

/** A full outbox drops its oldest message, and counts what was in it; and what it cannot take. */
PEER_CHECKED peer_error_t outbox_add_reading(outbox_t *outbox, const reading_t *reading);
PEER_CHECKED peer_error_t outbox_add_notice(outbox_t *outbox, uint64_t epoch, uint64_t sequence,
                                            uint8_t reason);

/** PEER_ERROR_NO_ROOM if it is too long, or if all texts wait; PEER_ERROR_MALFORMED: no UTF-8. */
PEER_CHECKED peer_error_t outbox_add_text(outbox_t *outbox, const char *text);

/** The first message at or after `*sequence` that waits; moves `*sequence` behind it. */
bool outbox_next(const outbox_t *outbox, uint64_t *sequence, outbox_message_t *message);

/** A message is being sent: nothing joins it any more. */
void outbox_close(outbox_t *outbox);

/** Gives up the message of this sequence, and counts what was in it. */
void outbox_drop(outbox_t *outbox, uint64_t sequence);

/** Removes what an ACK of this epoch covers, PROTOCOL §8.3. Returns how many slots went. */
size_t outbox_acknowledge(outbox_t *outbox, uint64_t next, const uint8_t *bitmap,
                          size_t bitmap_size);

/** Whether a reading waits that the receiver has to date. */
bool outbox_is_unsure(const outbox_t *outbox);

size_t outbox_count(const outbox_t *outbox);
