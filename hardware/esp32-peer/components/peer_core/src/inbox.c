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
        if (!text->is_used) continue;
        /* The power may have gone after the text was kept and before its id was. */
        sequence_window_t *window = &inbox_epoch(inbox, text->epoch)->window;
        if (sequence_window_judge(window, text->sequence) == SEQUENCE_FRESH) {
            sequence_window_add(window, text->sequence);
        }
    }
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

peer_error_t inbox_mark(inbox_t *inbox, inbox_epoch_t *epoch, uint64_t sequence)
{
    const inbox_epoch_t before = *epoch;

    sequence_window_add(&epoch->window, sequence);
    const peer_error_t error = save_epoch(inbox, epoch);
    if (error != PEER_OK) *epoch = before;
    return error;
}

peer_error_t inbox_add_text(inbox_t *inbox, inbox_epoch_t *epoch, uint64_t sequence, slice_t text)
{
    inbox_text_t *place = NULL;
    uint64_t newest = 0;

    if (text.size > INBOX_TEXT_SIZE_MAX) return PEER_ERROR_NO_ROOM;
    for (size_t i = 0; i < INBOX_TEXTS; i++) {
        if (inbox->texts[i].order > newest) newest = inbox->texts[i].order;
        if (!inbox->texts[i].is_used) place = &inbox->texts[i];
    }
    if (place == NULL) return PEER_ERROR_BUSY;
    *place = (inbox_text_t){ .is_used = true,
                             .epoch = epoch->epoch,
                             .sequence = sequence,
                             .order = newest + 1,
                             .size = (uint16_t)text.size };
    if (text.size > 0) memcpy(place->text, text.bytes, text.size);
    peer_error_t error = save_text(inbox, place);
    if (error == PEER_OK) error = inbox_mark(inbox, epoch, sequence);
    if (error != PEER_OK) place->is_used = false;
    return error;
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
        if (text->is_used && (oldest == NULL || text->order < oldest->order)) oldest = text;
    }
    return oldest;
}

peer_error_t inbox_remove(inbox_t *inbox, inbox_text_t *text)
{
    crypto_wipe(text->text, sizeof text->text);
    text->is_used = false;
    return save_text(inbox, text);
}
