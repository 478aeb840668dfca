#include "peer/outbox.h"

#include <stdio.h>
#include <string.h>

#include "packed_reading.h"
#include "peer/bytes.h"
#include "peer/introduction.h"

_Static_assert(sizeof(outbox_slot_t) == 44, "384 of them are most of a contact's memory");
_Static_assert(OUTBOX_SLOTS % OUTBOX_BLOCK == 0, "a block must not wrap around the ring's end");

typedef struct {
    uint64_t epoch, lowest, reserved, dropped;
} outbox_header_t;

enum { STORE_NAME_SIZE = 16 }; /* NVS keys have at most 15 characters. */

static void name_of(const outbox_t *outbox, const char *what, unsigned number,
                    char name[STORE_NAME_SIZE])
{
    snprintf(name, STORE_NAME_SIZE, "%c.%s%u", outbox->contact, what, number % 1000);
}

static peer_error_t save(const outbox_t *outbox, const char *what, unsigned number,
                         const void *value, size_t size)
{
    char name[STORE_NAME_SIZE];

    name_of(outbox, what, number, name);
    return outbox->store->save(outbox->store->context, name, value, size) ? PEER_OK : PEER_ERROR_STORE;
}

static bool load(const outbox_t *outbox, const char *what, unsigned number, void *value, size_t size)
{
    char name[STORE_NAME_SIZE];

    name_of(outbox, what, number, name);
    return outbox->store->load(outbox->store->context, name, value, size);
}

static bool erase(const outbox_t *outbox, const char *what, unsigned number)
{
    char name[STORE_NAME_SIZE];

    name_of(outbox, what, number, name);
    return outbox->store->erase(outbox->store->context, name);
}

static outbox_slot_t *slot_at(outbox_t *outbox, uint64_t sequence)
{
    return &outbox->slots[sequence % OUTBOX_SLOTS];
}

static bool is_waiting(const outbox_t *outbox, uint64_t sequence)
{
    const outbox_slot_t *slot = &outbox->slots[sequence % OUTBOX_SLOTS];

    return slot->kind != ITEM_NONE && slot->sequence == (uint16_t)sequence;
}

static unsigned block_of(uint64_t sequence)
{
    return (unsigned)(sequence / OUTBOX_BLOCK % OUTBOX_BLOCKS);
}

static peer_error_t save_header(const outbox_t *outbox)
{
    const outbox_header_t header = { outbox->epoch, outbox->lowest, outbox->reserved, outbox->dropped };

    return save(outbox, "outbox", 0, &header, sizeof header);
}

static peer_error_t save_block(const outbox_t *outbox, uint64_t sequence)
{
    const unsigned block = block_of(sequence);

    return save(outbox, "block", block, &outbox->slots[block * OUTBOX_BLOCK],
                OUTBOX_BLOCK * sizeof outbox->slots[0]);
}

static void raise_lowest(outbox_t *outbox)
{
    while (outbox->lowest < outbox->next && !is_waiting(outbox, outbox->lowest)) outbox->lowest++;
}

/** Whether the text at this place waits. */
static bool is_text_used(const outbox_t *outbox, uint8_t number)
{
    const uint64_t sequence = outbox->texts[number].sequence;
    const outbox_slot_t *slot = &outbox->slots[sequence % OUTBOX_SLOTS];

    return is_waiting(outbox, sequence) && slot->kind == ITEM_TEXT && slot->of.text == number;
}

static void load_texts(outbox_t *outbox)
{
    for (uint8_t number = 0; number < OUTBOX_TEXTS; number++) {
        outbox_text_t *text = &outbox->texts[number];

        if (!load(outbox, "text", number, text, sizeof *text)) text->sequence = UINT64_MAX;
        text->text[OUTBOX_TEXT_SIZE_MAX] = '\0';
    }
}

/** Texts that do not wait any more stand nowhere; what the store refuses now, a start erases. */
static void erase_texts(outbox_t *outbox)
{
    for (uint8_t number = 0; number < OUTBOX_TEXTS; number++) {
        outbox_text_t *text = &outbox->texts[number];

        if (text->sequence == UINT64_MAX || is_text_used(outbox, number)) continue;
        if (!erase(outbox, "text", number)) continue;
        memset(text, 0, sizeof *text);
        text->sequence = UINT64_MAX;
    }
}

/** The sequence of the slot's message. */
static uint64_t message_of(const outbox_t *outbox, uint64_t sequence)
{
    return sequence - outbox->slots[sequence % OUTBOX_SLOTS].place;
}

/** Whether a loaded slot can be what stands at `sequence`. */
static bool is_loaded(outbox_t *outbox, uint64_t sequence, const outbox_slot_t *slot)
{
    if (slot->kind > ITEM_NOTICE || slot->place >= OUTBOX_SHARE) return false;
    if (slot->sequence != (uint16_t)sequence) return false;
    /* What joined a message is nothing without its beginning. */
    const outbox_slot_t *before = &outbox->slots[(sequence - 1) % OUTBOX_SLOTS];
    if (slot->place > 0 && (slot->kind != ITEM_READING || sequence == outbox->lowest
                            || !is_waiting(outbox, sequence - 1)
                            || before->place + 1 != slot->place)) {
        return false;
    }
    if (slot->kind != ITEM_TEXT) return true;
    return slot->of.text < OUTBOX_TEXTS && outbox->texts[slot->of.text].sequence == sequence;
}

/** What was reserved and never used takes the place of the oldest, in a ring that was full. */
static void drop_beyond(outbox_t *outbox)
{
    const uint64_t beyond_max = OUTBOX_SLOTS + OUTBOX_BLOCK;

    if (outbox->next - outbox->lowest > beyond_max) outbox->lowest = outbox->next - beyond_max;
    for (; outbox->next - outbox->lowest > OUTBOX_SLOTS; outbox->lowest++) {
        if (is_waiting(outbox, outbox->lowest)) outbox->dropped++;
    }
}

/** Keeps what the header says is still waiting; an older turn of the ring is no item. */
static void load_blocks(outbox_t *outbox)
{
    const size_t size = OUTBOX_BLOCK * sizeof outbox->slots[0];

    for (unsigned block = 0; block < OUTBOX_BLOCKS; block++) {
        outbox_slot_t *slots = &outbox->slots[block * OUTBOX_BLOCK];

        if (!load(outbox, "block", block, slots, size)) memset(slots, 0, size);
    }
    load_texts(outbox);
    drop_beyond(outbox);
    for (uint64_t i = 0; i < OUTBOX_SLOTS; i++) {
        const uint64_t sequence = outbox->lowest + i;
        outbox_slot_t *slot = slot_at(outbox, sequence);

        if (sequence >= outbox->next || !is_loaded(outbox, sequence, slot)) slot->kind = ITEM_NONE;
        /* An uptime of an earlier start says nothing now, but that it was before this one. */
        if (slot->kind != ITEM_READING || !slot->of.reading.is_unsure) continue;
        slot->of.reading.time_s = slot->of.reading.time_ms = slot->of.reading.time_high = 0;
    }
    erase_texts(outbox);
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
        if (!erase(outbox, "block", block)) return PEER_ERROR_STORE;
    }
    for (unsigned number = 0; number < OUTBOX_TEXTS; number++) {
        if (!erase(outbox, "text", number)) return PEER_ERROR_STORE;
        outbox->texts[number].sequence = UINT64_MAX;
    }
    return save_header(outbox);
}

peer_error_t outbox_start(outbox_t *outbox, const store_t *store, char contact,
                          uint64_t fresh_epoch)
{
    outbox_header_t header;

    memset(outbox, 0, sizeof *outbox);
    outbox->store = store;
    outbox->contact = contact;
    if (!load(outbox, "outbox", 0, &header, sizeof header)) return outbox_reset(outbox, fresh_epoch);
    outbox->epoch = header.epoch;
    outbox->lowest = header.lowest;
    outbox->dropped = (uint32_t)header.dropped;
    /* Whatever was used of the last block that was reserved is not used again. */
    outbox->next = outbox->reserved = header.reserved;
    load_blocks(outbox);
    raise_lowest(outbox);
    return PEER_OK;
}

void outbox_drop(outbox_t *outbox, uint64_t sequence)
{
    for (uint64_t at = sequence; at < sequence + OUTBOX_SHARE && at < outbox->next; at++) {
        if (!is_waiting(outbox, at) || message_of(outbox, at) != sequence) continue;
        slot_at(outbox, at)->kind = ITEM_NONE;
        outbox->dropped++;
    }
    outbox_close(outbox);
    raise_lowest(outbox);
    erase_texts(outbox);
}

/** Makes room for the next slot and reserves its sequence. */
static peer_error_t prepare(outbox_t *outbox)
{
    raise_lowest(outbox);
    if (outbox->next - outbox->lowest >= OUTBOX_SLOTS) outbox_drop(outbox, outbox->lowest);
    if (outbox->next < outbox->reserved) return PEER_OK;
    outbox->reserved = outbox->next + OUTBOX_BLOCK;
    const peer_error_t error = save_header(outbox);
    if (error != PEER_OK) outbox->reserved = outbox->next;
    return error;
}

static peer_error_t add(outbox_t *outbox, outbox_slot_t slot, bool at_once)
{
    PEER_TRY(prepare(outbox));
    const uint64_t sequence = outbox->next;
    slot.sequence = (uint16_t)sequence;
    *slot_at(outbox, sequence) = slot;
    outbox->next++;
    if (!at_once && outbox->next % OUTBOX_BLOCK != 0) return PEER_OK;
    const peer_error_t error = save_block(outbox, sequence);
    if (error == PEER_OK) return PEER_OK;
    /* What was refused must not be sent; and the next one tries to store the block again. */
    slot_at(outbox, sequence)->kind = ITEM_NONE;
    outbox->next = sequence;
    return error;
}

void outbox_close(outbox_t *outbox)
{
    outbox->open_count = 0;
}

/** Whether the reading may stand in the last message, behind those that are in it. */
static bool may_join(const outbox_t *outbox, const reading_t *reading)
{
    return outbox->open_count > 0 && outbox->open_count < OUTBOX_SHARE
           && outbox->open_is_unsure == reading->is_unsure
           && outbox->open_time_ms <= reading->time_ms && is_waiting(outbox, outbox->next - 1);
}

peer_error_t outbox_add_reading(outbox_t *outbox, const reading_t *reading)
{
    const bool joins = may_join(outbox, reading);
    const uint8_t place = joins ? outbox->open_count : 0;
    const peer_error_t error = add(
        outbox,
        (outbox_slot_t){ .kind = ITEM_READING, .place = place, .of.reading = packed_reading_of(reading) }, false);

    if (error != PEER_OK) outbox->dropped++;
    if (!joins) outbox->open_time_ms = reading->time_ms;
    outbox->open_is_unsure = reading->is_unsure;
    outbox->open_count = error == PEER_OK ? (uint8_t)(place + 1) : 0;
    return error;
}

peer_error_t outbox_add_notice(outbox_t *outbox, uint64_t epoch, uint64_t sequence, uint8_t reason)
{
    outbox_slot_t slot = { .kind = ITEM_NOTICE };

    put_u64(slot.of.notice, epoch);
    put_u64(slot.of.notice + 8, sequence);
    slot.of.notice[16] = reason;
    outbox_close(outbox);
    return add(outbox, slot, true);
}

peer_error_t outbox_add_text(outbox_t *outbox, const char *text)
{
    const size_t size = strlen(text);
    uint8_t number = 0;

    while (number < OUTBOX_TEXTS && is_text_used(outbox, number)) number++;
    if (size > OUTBOX_TEXT_SIZE_MAX || number == OUTBOX_TEXTS) return PEER_ERROR_NO_ROOM;
    if (!is_utf8((slice_t){ (const uint8_t *)text, size })) return PEER_ERROR_MALFORMED;
    PEER_TRY(prepare(outbox)); /* Now its sequence is known. */
    outbox_text_t *place = &outbox->texts[number];
    *place = (outbox_text_t){ .sequence = outbox->next };
    memcpy(place->text, text, size);
    PEER_TRY(save(outbox, "text", number, place, sizeof *place));
    outbox_close(outbox);
    return add(outbox, (outbox_slot_t){ .kind = ITEM_TEXT, .of.text = number }, true);
}

/** Fills in the message that begins at `sequence`. Returns how many slots it takes. */
static size_t read_message(const outbox_t *outbox, uint64_t sequence, outbox_message_t *message)
{
    const outbox_slot_t *slot = &outbox->slots[sequence % OUTBOX_SLOTS];

    *message = (outbox_message_t){ .sequence = sequence, .kind = (item_kind_t)slot->kind };
    if (message->kind == ITEM_TEXT) message->of.text = outbox->texts[slot->of.text].text;
    if (message->kind == ITEM_NOTICE) {
        message->of.notice = (notice_t){ .epoch = get_u64(slot->of.notice),
                                         .sequence = get_u64(slot->of.notice + 8),
                                         .reason = slot->of.notice[16] };
    }
    if (message->kind != ITEM_READING) return 1;
    do {
        message->of.readings[message->count++] = reading_of(&slot->of.reading);
        slot = &outbox->slots[++sequence % OUTBOX_SLOTS];
    } while (message->count < OUTBOX_SHARE && sequence < outbox->next
             && is_waiting(outbox, sequence) && slot->place == message->count);
    return message->count;
}

bool outbox_next(const outbox_t *outbox, uint64_t *sequence, outbox_message_t *message)
{
    if (*sequence < outbox->lowest) *sequence = outbox->lowest;
    for (; *sequence < outbox->next; (*sequence)++) {
        if (!is_waiting(outbox, *sequence)) continue;
        *sequence += read_message(outbox, *sequence, message);
        return true;
    }
    return false;
}

size_t outbox_acknowledge(outbox_t *outbox, uint64_t next, const uint8_t *bitmap,
                          size_t bitmap_size)
{
    size_t count = 0;

    for (uint64_t at = outbox->lowest; at < outbox->next; at++) {
        const uint64_t sequence = message_of(outbox, at);
        const uint64_t bit = sequence - next - 1; /* Wraps for next itself, and is too large. */
        const bool is_marked = sequence > next && bit / 8 < bitmap_size
                               && (bitmap[bit / 8] >> bit % 8 & 1) != 0;

        if (!is_waiting(outbox, at) || (sequence >= next && !is_marked)) continue;
        slot_at(outbox, at)->kind = ITEM_NONE;
        count++;
    }
    raise_lowest(outbox);
    erase_texts(outbox);
    return count;
}

bool outbox_is_unsure(const outbox_t *outbox)
{
    for (uint64_t sequence = outbox->lowest; sequence < outbox->next; sequence++) {
        const outbox_slot_t *slot = &outbox->slots[sequence % OUTBOX_SLOTS];

        if (!is_waiting(outbox, sequence) || slot->kind != ITEM_READING) continue;
        if (slot->of.reading.is_unsure) return true;
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
