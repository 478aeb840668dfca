#pragma once

#include "peer/crypto.h"
#include "peer/sequence_window.h"
#include "peer/store.h"

/**
 * What one contact sent: which ids were seen, for good, and the texts that nobody has opened yet.
 * Everything is in the store before it is acknowledged, PROTOCOL §8.2.
 */
enum {
    INBOX_EPOCHS = 16,
    INBOX_TEXTS = 4,
    INBOX_TEXT_SIZE_MAX = 1024,
};

/* What a store gives back may hold any byte, which a bool must not: so flags there are numbers. */

typedef struct {
    uint8_t is_used;
    uint64_t epoch;
    uint64_t used_at; /**< Grows; the least was used longest ago. */
    sequence_window_t window;
} inbox_epoch_t;

/** How a text came: as a message, whose epochs are the inbox's, or in a letter. */
typedef enum { ARRIVED_NOT, ARRIVED_AS_MESSAGE, ARRIVED_IN_LETTER } arrival_t;

/** A text, or up to a kilobyte of one; pieces follow each other in `order`. */
typedef struct {
    uint8_t is_used;     /**< An arrival_t. */
    uint8_t piece;       /**< 0: its beginning, which is stored last and so stands for the whole. */
    uint16_t part_count; /**< Of the message that it came in; 1: a whole one. */
    uint8_t is_settled;  /**< Its ids are noted: only then may it be shown, and forgotten. */
    uint64_t epoch, sequence, order; /**< Sequence of the message, or of its first part. */
    uint16_t size;
    uint8_t text[INBOX_TEXT_SIZE_MAX];
} inbox_text_t;

typedef struct {
    const store_t *store;
    char contact;
    inbox_epoch_t epochs[INBOX_EPOCHS];
    inbox_text_t texts[INBOX_TEXTS];
} inbox_t;

void inbox_start(inbox_t *inbox, const store_t *store, char contact);
PEER_CHECKED peer_error_t inbox_reset(inbox_t *inbox);

/** The window of an epoch; a new one takes the place of the one used longest ago. */
inbox_epoch_t *inbox_epoch(inbox_t *inbox, uint64_t epoch);

/** Marks a message as received for good. */
PEER_CHECKED peer_error_t inbox_mark(inbox_t *inbox, inbox_epoch_t *epoch, uint64_t sequence);

/**
 * Keeps a text that came in `part_count` messages from `sequence` on, and marks them all. If they
 * cannot be marked it is kept unseen, and what comes again is that one, not another.
 * PEER_ERROR_BUSY if too few places are free, PEER_ERROR_NO_ROOM if it is too long for all.
 */
PEER_CHECKED peer_error_t inbox_add_text(inbox_t *inbox, inbox_epoch_t *epoch, uint64_t sequence,
                                         uint16_t part_count, slice_t text);

/** The same for what came in a letter; what was seen of those the letter box notes, and settles it. */
PEER_CHECKED peer_error_t inbox_add_letter(inbox_t *inbox, uint64_t epoch, uint64_t sequence,
                                           uint16_t part_count, slice_t text);

/** Its ids are noted: it may be shown. */
void inbox_settle_letter(inbox_t *inbox, uint64_t epoch, uint64_t sequence);

/** Places that are taken. */
size_t inbox_count(const inbox_t *inbox);

/** The beginning of the oldest unopened text, or NULL. */
inbox_text_t *inbox_oldest(inbox_t *inbox);

/** What follows `piece` of the same text, or NULL. */
inbox_text_t *inbox_rest(inbox_t *inbox, const inbox_text_t *piece);

/** Forgets a text with all its pieces, after it was shown. */
PEER_CHECKED peer_error_t inbox_remove(inbox_t *inbox, inbox_text_t *text);
