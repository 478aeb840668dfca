#include "peer/outbox.h"

#include <stdio.h>
#include <string.h>

#include "peer/introduction.h"

_Static_assert(OUTBOX_ITEMS % OUTBOX_BLOCK == 0, "a block must not wrap around the ring's end");

typedef struct {
    uint64_t epoch, lowest, reserved;
} outbox_header_t;

enum { STORE_NAME_SIZE = 16 }; /* NVS keys have at most 15 characters. */

static void name_of(const outbox_t *outbox, const char *what, unsigned number,
                    char name[STORE_NAME_SIZE])
{
    snprintf(name, STORE_NAME_SIZE, "%c.%s%u", outbox->contact, what, number % 1000);
}

static outbox_item_t *item_at(outbox_t *outbox, uint64_t sequence)
{
    return &outbox->items[sequence % OUTBOX_ITEMS];
}

static bool is_waiting(const outbox_t *outbox, uint64_t sequence)
{
    const outbox_item_t *item = &outbox->items[sequence % OUTBOX_ITEMS];

    return item->kind != ITEM_NONE && item->sequence == sequence;
}

static unsigned block_of(uint64_t sequence)
{
    return (unsigned)(sequence / OUTBOX_BLOCK % OUTBOX_BLOCKS);
}

static peer_error_t save_header(const outbox_t *outbox)
{
    const outbox_header_t header = { outbox->epoch, outbox->lowest, outbox->reserved };
    char name[STORE_NAME_SIZE];

    name_of(outbox, "outbox", 0, name);
    const bool is_saved =
        outbox->store->save(outbox->store->context, name, &header, sizeof header);
    return is_saved ? PEER_OK : PEER_ERROR_STORE;
}

static peer_error_t save_block(const outbox_t *outbox, uint64_t sequence)
{
    const unsigned block = block_of(sequence);
    char name[STORE_NAME_SIZE];

    name_of(outbox, "block", block, name);
    const bool is_saved =
        outbox->store->save(outbox->store->context, name, &outbox->items[block * OUTBOX_BLOCK],
                            OUTBOX_BLOCK * sizeof outbox->items[0]);
    return is_saved ? PEER_OK : PEER_ERROR_STORE;
}

static void free_item(outbox_t *outbox, outbox_item_t *item)
{
    if (item->kind == ITEM_TEXT) outbox->text_is_used[item->of.text] = false;
    item->kind = ITEM_NONE;
}

static void raise_lowest(outbox_t *outbox)
{
    while (outbox->lowest < outbox->next && !is_waiting(outbox, outbox->lowest)) outbox->lowest++;
}

static bool load_text(outbox_t *outbox, uint8_t number)
{
    char name[STORE_NAME_SIZE];

    if (number >= OUTBOX_TEXTS) return false;
    name_of(outbox, "text", number, name);
    outbox->text_is_used[number] = outbox->store->load(
        outbox->store->context, name, outbox->texts[number], sizeof outbox->texts[number]);
    outbox->texts[number][OUTBOX_TEXT_SIZE_MAX] = '\0';
    return outbox->text_is_used[number];
}

/** Keeps what the header says is still waiting; an older turn of the ring is no item. */
static void load_blocks(outbox_t *outbox)
{
    const size_t size = OUTBOX_BLOCK * sizeof outbox->items[0];
    char name[STORE_NAME_SIZE];

    for (unsigned block = 0; block < OUTBOX_BLOCKS; block++) {
        outbox_item_t *items = &outbox->items[block * OUTBOX_BLOCK];

        name_of(outbox, "block", block, name);
        if (!outbox->store->load(outbox->store->context, name, items, size)) memset(items, 0, size);
        for (unsigned i = 0; i < OUTBOX_BLOCK; i++) {
            const uint64_t sequence = items[i].sequence;
            const bool is_here = sequence % OUTBOX_ITEMS == block * OUTBOX_BLOCK + i;
            const bool is_due = sequence >= outbox->lowest && sequence < outbox->next;
            const bool has_text = items[i].kind != ITEM_TEXT || load_text(outbox, items[i].of.text);

            if (!is_here || !is_due || !has_text) items[i].kind = ITEM_NONE;
            /* An uptime of an earlier start says nothing now, but that it was before this one. */
            const bool is_reading = items[i].kind == ITEM_READING;
            if (is_reading && items[i].of.reading.is_unsure) items[i].of.reading.time_ms = 0;
        }
    }
}

peer_error_t outbox_reset(outbox_t *outbox, uint64_t fresh_epoch)
{
    const store_t *store = outbox->store;
    const char contact = outbox->contact;

    memset(outbox, 0, sizeof *outbox);
    outbox->store = store;
    outbox->contact = contact;
    outbox->epoch = fresh_epoch;
    /* Else blocks of the epoch before would be taken for this one's after a restart. */
    for (unsigned block = 0; block < OUTBOX_BLOCKS; block++) {
        char name[STORE_NAME_SIZE];

        name_of(outbox, "block", block, name);
        if (!store->erase(store->context, name)) return PEER_ERROR_STORE;
    }
    return save_header(outbox);
}

peer_error_t outbox_start(outbox_t *outbox, const store_t *store, char contact,
                          uint64_t fresh_epoch)
{
    outbox_header_t header;
    char name[STORE_NAME_SIZE];

    memset(outbox, 0, sizeof *outbox);
    outbox->store = store;
    outbox->contact = contact;
    name_of(outbox, "outbox", 0, name);
    if (!store->load(store->context, name, &header, sizeof header)) {
        return outbox_reset(outbox, fresh_epoch);
    }
    outbox->epoch = header.epoch;
    outbox->lowest = header.lowest;
    /* Whatever was used of the last block that was reserved is not used again. */
    outbox->next = outbox->reserved = header.reserved;
    load_blocks(outbox);
    raise_lowest(outbox);
    return PEER_OK;
}

static void drop_oldest(outbox_t *outbox)
{
    free_item(outbox, item_at(outbox, outbox->lowest));
    outbox->dropped++;
    raise_lowest(outbox);
}

/** Makes room for the next item and reserves its sequence. */
static peer_error_t prepare(outbox_t *outbox)
{
    raise_lowest(outbox);
    if (outbox->next - outbox->lowest >= OUTBOX_ITEMS) drop_oldest(outbox);
    if (outbox->next < outbox->reserved) return PEER_OK;
    outbox->reserved = outbox->next + OUTBOX_BLOCK;
    const peer_error_t error = save_header(outbox);
    if (error != PEER_OK) outbox->reserved = outbox->next;
    return error;
}

static peer_error_t add(outbox_t *outbox, outbox_item_t item, bool at_once)
{
    PEER_TRY(prepare(outbox));
    const uint64_t sequence = outbox->next;
    item.sequence = sequence;
    *item_at(outbox, sequence) = item;
    outbox->next++;
    if (!at_once && outbox->next % OUTBOX_BLOCK != 0) return PEER_OK;
    return save_block(outbox, sequence);
}

peer_error_t outbox_add_reading(outbox_t *outbox, const reading_t *reading)
{
    return add(outbox, (outbox_item_t){ .kind = ITEM_READING, .of.reading = *reading }, false);
}

peer_error_t outbox_add_notice(outbox_t *outbox, uint64_t epoch, uint64_t sequence, uint8_t reason)
{
    outbox_item_t item = { .kind = ITEM_NOTICE };

    item.of.notice.epoch = epoch;
    item.of.notice.sequence = sequence;
    item.of.notice.reason = reason;
    return add(outbox, item, true);
}

peer_error_t outbox_add_text(outbox_t *outbox, const char *text)
{
    const size_t size = strlen(text);
    char name[STORE_NAME_SIZE];
    uint8_t number = 0;

    while (number < OUTBOX_TEXTS && outbox->text_is_used[number]) number++;
    if (size > OUTBOX_TEXT_SIZE_MAX || number == OUTBOX_TEXTS) return PEER_ERROR_NO_ROOM;
    if (!is_utf8((slice_t){ (const uint8_t *)text, size })) return PEER_ERROR_MALFORMED;
    memset(outbox->texts[number], 0, sizeof outbox->texts[number]);
    memcpy(outbox->texts[number], text, size);
    name_of(outbox, "text", number, name);
    if (!outbox->store->save(outbox->store->context, name, outbox->texts[number],
                             sizeof outbox->texts[number])) {
        return PEER_ERROR_STORE;
    }
    outbox->text_is_used[number] = true;
    return add(outbox, (outbox_item_t){ .kind = ITEM_TEXT, .of.text = number }, true);
}

const outbox_item_t *outbox_next(const outbox_t *outbox, uint64_t *sequence)
{
    if (*sequence < outbox->lowest) *sequence = outbox->lowest;
    for (; *sequence < outbox->next; (*sequence)++) {
        if (is_waiting(outbox, *sequence)) return &outbox->items[(*sequence)++ % OUTBOX_ITEMS];
    }
    return NULL;
}

size_t outbox_acknowledge(outbox_t *outbox, uint64_t next, const uint8_t *bitmap,
                          size_t bitmap_size)
{
    size_t count = 0;

    for (uint64_t sequence = outbox->lowest; sequence < outbox->next; sequence++) {
        const uint64_t bit = sequence - next - 1; /* Wraps for next itself, and is too large. */
        const bool is_marked = sequence > next && bit / 8 < bitmap_size
                               && (bitmap[bit / 8] >> bit % 8 & 1) != 0;

        if (!is_waiting(outbox, sequence) || (sequence >= next && !is_marked)) continue;
        free_item(outbox, item_at(outbox, sequence));
        count++;
    }
    raise_lowest(outbox);
    return count;
}

bool outbox_is_unsure(const outbox_t *outbox)
{
    for (uint64_t sequence = outbox->lowest; sequence < outbox->next; sequence++) {
        const outbox_item_t *item = &outbox->items[sequence % OUTBOX_ITEMS];

        if (!is_waiting(outbox, sequence) || item->kind != ITEM_READING) continue;
        if (item->of.reading.is_unsure) return true;
    }
    return false;
}

size_t outbox_count(const outbox_t *outbox)
{
    size_t count = 0;

    for (uint64_t sequence = outbox->lowest; sequence < outbox->next; sequence++) {
        if (is_waiting(outbox, sequence)) count++;
    }
    return count;
}
