#pragma once

#include "peer/error.h"
#include "peer/reading.h"
#include "peer/store.h"

/**
 * What waits for one contact, PROTOCOL §8.2: a ring of sequences, kept in blocks in the store.
 *
 * A reading counts as taken from the moment its block is saved; a text at once. Sequences are
 * reserved a block ahead, so that none is ever used twice, whenever the power goes.
 */
enum {
    OUTBOX_ITEMS = 384, /**< More than an hour at one reading every 10 s. */
    OUTBOX_BLOCK = 8,
    OUTBOX_BLOCKS = OUTBOX_ITEMS / OUTBOX_BLOCK,
    OUTBOX_TEXTS = 4,
    OUTBOX_TEXT_SIZE_MAX = 255,
};

typedef enum { ITEM_NONE, ITEM_READING, ITEM_TEXT, ITEM_NOTICE } item_kind_t;

typedef struct {
    uint64_t sequence;
    item_kind_t kind; /**< ITEM_NONE once it was acknowledged. */
    union {
        reading_t reading;
        uint8_t text; /**< Number of the text. */
        struct {
            uint64_t epoch, sequence;
            uint8_t reason;
        } notice;
    } of;
} outbox_item_t;

typedef struct {
    const store_t *store;
    char contact; /**< A letter that tells this outbox's names in the store from others'. */
    uint64_t epoch, lowest, next, reserved;
    uint32_t dropped; /**< Items that had to make room. */
    bool text_is_used[OUTBOX_TEXTS];
    char texts[OUTBOX_TEXTS][OUTBOX_TEXT_SIZE_MAX + 1];
    outbox_item_t items[OUTBOX_ITEMS];
} outbox_t;

/** Loads what the store has; else begins `fresh_epoch`, 64 random bits. */
PEER_CHECKED peer_error_t outbox_start(outbox_t *outbox, const store_t *store, char contact,
                                       uint64_t fresh_epoch);

/** Forgets everything and begins another epoch, for another contact. */
PEER_CHECKED peer_error_t outbox_reset(outbox_t *outbox, uint64_t fresh_epoch);

/** A full outbox drops its oldest item, and counts it. */
PEER_CHECKED peer_error_t outbox_add_reading(outbox_t *outbox, const reading_t *reading);
PEER_CHECKED peer_error_t outbox_add_notice(outbox_t *outbox, uint64_t epoch, uint64_t sequence,
                                            uint8_t reason);

/** PEER_ERROR_NO_ROOM if it is too long, or if all texts wait; PEER_ERROR_MALFORMED: no UTF-8. */
PEER_CHECKED peer_error_t outbox_add_text(outbox_t *outbox, const char *text);

/** The first item at or after `*sequence` that waits, or NULL; moves `*sequence` behind it. */
const outbox_item_t *outbox_next(const outbox_t *outbox, uint64_t *sequence);

/** Removes what an ACK of this epoch covers, PROTOCOL §8.3. Returns how many items went. */
size_t outbox_acknowledge(outbox_t *outbox, uint64_t next, const uint8_t *bitmap,
                          size_t bitmap_size);

/** Whether a reading waits that the receiver has to date. */
bool outbox_is_unsure(const outbox_t *outbox);

size_t outbox_count(const outbox_t *outbox);
