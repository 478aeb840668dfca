#include "peer/inbox.h"

#include <stdio.h>
#include <string.h>

enum { STORE_NAME_SIZE = 16 };

static void name_of(const inbox_t *inbox, const char *what, size_t number,
                    char name[STORE_NAME_SIZE])
{
    snprintf(name, STORE_NAME_SIZE, "%c.%s%u", inbox->contact, what, (unsigned)number % 1000);
}

static peer_error_t save_epoch(const inbox_t *inbox, const inbox_epoch_t *epoch)
{
    char name[STORE_NAME_SIZE];

    name_of(inbox, "epoch", (size_t)(epoch - inbox->epochs), name);
    return inbox->store->save(inbox->store->context, name, epoch, sizeof *epoch) ? PEER_OK
                                                                                 : PEER_ERROR_STORE;
}

static peer_error_t save_text(const inbox_t *inbox, const inbox_text_t *text)
{
    char name[STORE_NAME_SIZE];

    name_of(inbox, "inbox", (size_t)(text - inbox->texts), name);
    return inbox->store->save(inbox->store->context, name, text, sizeof *text) ? PEER_OK
                                                                               : PEER_ERROR_STORE;
}

/** Which text, and what its pieces have in common. */
typedef struct {
    arrival_t arrival;
    uint16_t part_count;
    uint64_t epoch, sequence;
} text_id_t;

static text_id_t id_of(const inbox_text_t *text)
{
    return (text_id_t){ (arrival_t)text->is_used, text->part_count, text->epoch, text->sequence };
}

static bool is_of(const inbox_text_t *text, const text_id_t *id)
{
    return text->is_used == id->arrival && text->epoch == id->epoch && text->sequence == id->sequence;
}

static inbox_text_t *piece_of(inbox_t *inbox, const text_id_t *id, unsigned piece)
{
    for (size_t i = 0; i < INBOX_TEXTS; i++) {
        inbox_text_t *candidate = &inbox->texts[i];
        if (is_of(candidate, id) && candidate->piece == piece) return candidate;
    }
    return NULL;
}

/** The power may have gone after a text was kept and before its ids were, or half-way. */
static void recover(inbox_t *inbox, inbox_text_t *text)
{
    if (!text->is_used) return;
    text->is_settled = true;
    if (text->piece > 0) {
        const text_id_t id = id_of(text);
        if (piece_of(inbox, &id, 0) == NULL) text->is_used = ARRIVED_NOT;
        return;
    }
    if (text->is_used != ARRIVED_AS_MESSAGE) return;
    sequence_window_t *window = &inbox_epoch(inbox, text->epoch)->window;
    for (uint64_t at = text->sequence; at - text->sequence < text->part_count; at++) {
        if (sequence_window_judge(window, at) == SEQUENCE_FRESH) sequence_window_add(window, at);
    }
}

void inbox_start(inbox_t *inbox, const store_t *store, char contact)
{
    char name[STORE_NAME_SIZE];

    memset(inbox, 0, sizeof *inbox);
    inbox->store = store;
    inbox->contact = contact;
    for (size_t i = 0; i < INBOX_EPOCHS; i++) {
        inbox_epoch_t *epoch = &inbox->epochs[i];

        name_of(inbox, "epoch", i, name);
        if (!store->load(store->context, name, epoch, sizeof *epoch)) {
            memset(epoch, 0, sizeof *epoch);
        }
    }
    for (size_t i = 0; i < INBOX_TEXTS; i++) {
        inbox_text_t *text = &inbox->texts[i];

        name_of(inbox, "inbox", i, name);
        const bool is_loaded = store->load(store->context, name, text, sizeof *text);
        if (!is_loaded || text->size > INBOX_TEXT_SIZE_MAX) memset(text, 0, sizeof *text);
    }
    for (size_t i = 0; i < INBOX_TEXTS; i++) recover(inbox, &inbox->texts[i]);
}

peer_error_t inbox_reset(inbox_t *inbox)
{
    memset(inbox->epochs, 0, sizeof inbox->epochs);
    memset(inbox->texts, 0, sizeof inbox->texts);
    for (size_t i = 0; i < INBOX_EPOCHS; i++) PEER_TRY(save_epoch(inbox, &inbox->epochs[i]));
    for (size_t i = 0; i < INBOX_TEXTS; i++) PEER_TRY(save_text(inbox, &inbox->texts[i]));
    return PEER_OK;
}

inbox_epoch_t *inbox_epoch(inbox_t *inbox, uint64_t epoch)
{
    inbox_epoch_t *oldest = &inbox->epochs[0];
    uint64_t newest = 0;
    inbox_epoch_t *found = NULL;

    for (size_t i = 0; i < INBOX_EPOCHS; i++) {
        inbox_epoch_t *candidate = &inbox->epochs[i];

        if (candidate->used_at > newest) newest = candidate->used_at;
        if (candidate->used_at < oldest->used_at) oldest = candidate;
        if (candidate->is_used && candidate->epoch == epoch) found = candidate;
    }
    if (found == NULL) {
        found = oldest;
        *found = (inbox_epoch_t){ .is_used = true, .epoch = epoch };
    }
    found->used_at = newest + 1;
    return found;
}

/** Marks those of the row that are not marked yet, and saves that once. */
static peer_error_t mark_all(inbox_t *inbox, inbox_epoch_t *epoch, uint64_t sequence, uint64_t count)
{
    const inbox_epoch_t before = *epoch;

    for (uint64_t at = sequence; at - sequence < count; at++) {
        if (sequence_window_judge(&epoch->window, at) == SEQUENCE_FRESH) {
            sequence_window_add(&epoch->window, at);
        }
    }
    const peer_error_t error = save_epoch(inbox, epoch);
    if (error != PEER_OK) *epoch = before;
    return error;
}

peer_error_t inbox_mark(inbox_t *inbox, inbox_epoch_t *epoch, uint64_t sequence)
{
    return mark_all(inbox, epoch, sequence, 1);
}

/** Stores one piece in a free place. False if it could not be. */
static bool add_piece(inbox_t *inbox, const text_id_t *id, uint64_t order, unsigned piece, slice_t text)
{
    inbox_text_t *place = NULL;

    for (size_t i = 0; i < INBOX_TEXTS; i++) {
        if (!inbox->texts[i].is_used) place = &inbox->texts[i];
    }
    if (place == NULL) return false;
    memset(place, 0, sizeof *place);
    place->is_used = (uint8_t)id->arrival;
    place->part_count = id->part_count;
    place->epoch = id->epoch;
    place->sequence = id->sequence;
    place->piece = (uint8_t)piece;
    place->order = order + piece;
    place->size = (uint16_t)text.size;
    if (text.size > 0) memcpy(place->text, text.bytes, text.size);
    if (save_text(inbox, place) == PEER_OK) return true;
    place->is_used = ARRIVED_NOT;
    return false;
}

static void remove_pieces(inbox_t *inbox, const text_id_t *id)
{
    for (size_t i = 0; i < INBOX_TEXTS; i++) {
        if (!is_of(&inbox->texts[i], id)) continue;
        inbox->texts[i].is_used = ARRIVED_NOT;
        /* Pieces without a beginning are nothing to a later start either. */
        (void)!save_text(inbox, &inbox->texts[i]);
    }
}

/** Its beginning is kept last: then all of it was. */
static bool is_kept(inbox_t *inbox, const text_id_t *id)
{
    return piece_of(inbox, id, 0) != NULL;
}

static void settle(inbox_t *inbox, const text_id_t *id)
{
    for (size_t i = 0; i < INBOX_TEXTS; i++) {
        if (is_of(&inbox->texts[i], id)) inbox->texts[i].is_settled = true;
    }
}

/** Stores all pieces of a text, its beginning last. */
static peer_error_t add_pieces(inbox_t *inbox, const text_id_t *id, slice_t text)
{
    const size_t pieces = text.size == 0 ? 1 : (text.size + INBOX_TEXT_SIZE_MAX - 1) / INBOX_TEXT_SIZE_MAX;
    uint64_t newest = 0;

    if (pieces > INBOX_TEXTS) return PEER_ERROR_NO_ROOM;
    if (inbox_count(inbox) + pieces > INBOX_TEXTS) return PEER_ERROR_BUSY;
    for (size_t i = 0; i < INBOX_TEXTS; i++) {
        if (inbox->texts[i].order > newest) newest = inbox->texts[i].order;
    }
    for (size_t piece = pieces; piece-- > 0;) {
        const size_t at = piece * INBOX_TEXT_SIZE_MAX, left = text.size - at;
        const slice_t part = { text.bytes + at, left < INBOX_TEXT_SIZE_MAX ? left : INBOX_TEXT_SIZE_MAX };

        if (add_piece(inbox, id, newest + 1, (unsigned)piece, part)) continue;
        remove_pieces(inbox, id);
        return PEER_ERROR_STORE;
    }
    return PEER_OK;
}

peer_error_t inbox_add_text(inbox_t *inbox, inbox_epoch_t *epoch, uint64_t sequence,
                            uint16_t part_count, slice_t text)
{
    const text_id_t id = { ARRIVED_AS_MESSAGE, part_count, epoch->epoch, sequence };

    if (!is_kept(inbox, &id)) PEER_TRY(add_pieces(inbox, &id, text));
    PEER_TRY(mark_all(inbox, epoch, sequence, part_count));
    settle(inbox, &id);
    return PEER_OK;
}

peer_error_t inbox_add_letter(inbox_t *inbox, uint64_t epoch, uint64_t sequence,
                              uint16_t part_count, slice_t text)
{
    const text_id_t id = { ARRIVED_IN_LETTER, part_count, epoch, sequence };

    return is_kept(inbox, &id) ? PEER_OK : add_pieces(inbox, &id, text);
}

void inbox_settle_letter(inbox_t *inbox, uint64_t epoch, uint64_t sequence)
{
    settle(inbox, &(text_id_t){ ARRIVED_IN_LETTER, 1, epoch, sequence });
}

size_t inbox_count(const inbox_t *inbox)
{
    size_t count = 0;

    for (size_t i = 0; i < INBOX_TEXTS; i++) count += inbox->texts[i].is_used ? 1 : 0;
    return count;
}

inbox_text_t *inbox_oldest(inbox_t *inbox)
{
    inbox_text_t *oldest = NULL;

    for (size_t i = 0; i < INBOX_TEXTS; i++) {
        inbox_text_t *text = &inbox->texts[i];
        if (!text->is_used || !text->is_settled || text->piece > 0) continue;
        if (oldest == NULL || text->order < oldest->order) oldest = text;
    }
    return oldest;
}

inbox_text_t *inbox_rest(inbox_t *inbox, const inbox_text_t *piece)
{
    const text_id_t id = id_of(piece);

    return piece_of(inbox, &id, piece->piece + 1u);
}

peer_error_t inbox_remove(inbox_t *inbox, inbox_text_t *text)
{
    /* The beginning goes last: what is left of it after a power cut is shown again, not lost. */
    inbox_text_t *rest = inbox_rest(inbox, text);
    if (rest != NULL) PEER_TRY(inbox_remove(inbox, rest));
    crypto_wipe(text->text, sizeof text->text);
    text->is_used = false;
    return save_text(inbox, text);
}
