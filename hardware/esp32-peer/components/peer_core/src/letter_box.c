#include "peer/letter_box.h"

#include <stdio.h>
#include <string.h>

#include "peer/letter.h"
#include "peer_parts.h"

enum {
    LETTER_EPOCHS = 16,
    STORE_NAME_SIZE = 16,
    NOTICE_TOO_LARGE = 1,
    NOTICE_NOT_UNDERSTOOD = 2,
    /* Whoever knows the hint can make this device compute: two a second, with a burst. */
    LETTER_INTERVAL_MS = 500,
    LETTER_BURST = 8,
};

static uint8_t *byte_of(letter_window_t *window, uint64_t sequence)
{
    return &window->seen[sequence % LETTER_WINDOW_SIZE / 8];
}

static uint8_t bit_of(uint64_t sequence)
{
    return (uint8_t)(1u << sequence % 8);
}

bool letter_window_is_fresh(const letter_window_t *window, uint64_t sequence)
{
    if (!window->is_used || sequence > window->largest) return true;
    if (sequence == window->largest || window->largest - sequence > LETTER_WINDOW_SIZE) return false;
    return (window->seen[sequence % LETTER_WINDOW_SIZE / 8] & bit_of(sequence)) == 0;
}

void letter_window_add(letter_window_t *window, uint64_t sequence)
{
    if (window->is_used && sequence < window->largest) {
        *byte_of(window, sequence) |= bit_of(sequence);
        return;
    }
    const uint64_t distance = sequence - window->largest;
    if (!window->is_used || distance > LETTER_WINDOW_SIZE) {
        memset(window->seen, 0, sizeof window->seen);
    } else {
        for (uint64_t at = window->largest + 1; at < sequence; at++) {
            *byte_of(window, at) &= (uint8_t)~bit_of(at);
        }
        *byte_of(window, window->largest) |= bit_of(window->largest);
    }
    window->is_used = true;
    window->largest = sequence;
}

static void name_of(const contact_t *contact, unsigned slot, char name[STORE_NAME_SIZE])
{
    snprintf(name, STORE_NAME_SIZE, "%c.letter%u", contact->inbox.contact, slot % LETTER_EPOCHS);
}

/** The window of an epoch, or an empty one in the place of the one used longest ago. */
static unsigned load_window(const peer_t *peer, const contact_t *contact, uint64_t epoch,
                            letter_window_t *window)
{
    const store_t *store = &peer->port->store;
    uint64_t oldest = UINT64_MAX, newest = 0;
    unsigned slot = 0;
    char name[STORE_NAME_SIZE];

    for (unsigned i = 0; i < LETTER_EPOCHS; i++) {
        name_of(contact, i, name);
        if (!store->load(store->context, name, window, sizeof *window)) memset(window, 0, sizeof *window);
        if (window->is_used && window->epoch == epoch) return i;
        if (window->used_at > newest) newest = window->used_at;
        if (window->used_at < oldest) {
            oldest = window->used_at;
            slot = i;
        }
    }
    memset(window, 0, sizeof *window);
    window->epoch = epoch;
    window->used_at = newest + 1;
    return slot;
}

/** Notes `count` sequences as seen. */
static peer_error_t note(const peer_t *peer, const contact_t *contact, uint64_t epoch,
                         uint64_t sequence, uint64_t count)
{
    const store_t *store = &peer->port->store;
    letter_window_t window;
    char name[STORE_NAME_SIZE];

    name_of(contact, load_window(peer, contact, epoch, &window), name);
    for (uint64_t at = sequence; at - sequence < count; at++) {
        if (letter_window_is_fresh(&window, at)) letter_window_add(&window, at);
    }
    return store->save(store->context, name, &window, sizeof window) ? PEER_OK : PEER_ERROR_STORE;
}

void letter_box_start(const peer_t *peer, contact_t *contact)
{
    for (size_t i = 0; i < INBOX_TEXTS; i++) {
        const inbox_text_t *text = &contact->inbox.texts[i];

        if (text->is_used != ARRIVED_IN_LETTER || text->piece > 0) continue;
        /* If the store fails now, it is shown twice at worst. */
        (void)!note(peer, contact, text->epoch, text->sequence, text->part_count);
    }
}

bool letter_box_reset(const peer_t *peer, const contact_t *contact)
{
    const store_t *store = &peer->port->store;
    char name[STORE_NAME_SIZE];
    bool is_reset = true;

    for (unsigned i = 0; i < LETTER_EPOCHS; i++) {
        name_of(contact, i, name);
        is_reset = store->erase(store->context, name) && is_reset;
    }
    return is_reset;
}

/** The oldest makes way: its letter is acknowledged when it comes again. */
static void owe_acks(contact_t *contact, uint64_t epoch, uint64_t sequence, uint64_t count)
{
    for (uint64_t at = sequence; at - sequence < count; at++) {
        bool is_owed = false;

        for (size_t i = 0; i < contact->letter_acks; i++) {
            const letter_ack_t *ack = &contact->letter_ack[i];
            is_owed = is_owed || (ack->epoch == epoch && ack->sequence == at);
        }
        if (is_owed) continue;
        if (contact->letter_acks == LETTER_ACKS_MAX) letter_box_settle(contact, 1);
        contact->letter_ack[contact->letter_acks++] = (letter_ack_t){ epoch, at };
    }
}

size_t letter_box_add_acks(const contact_t *contact, plaintext_writer_t *writer)
{
    size_t count = 0;

    while (count < contact->letter_acks
           && plaintext_add_letter_ack(writer, contact->letter_ack[count].epoch,
                                       contact->letter_ack[count].sequence)) {
        count++;
    }
    return count;
}

void letter_box_settle(contact_t *contact, size_t count)
{
    if (count > contact->letter_acks) count = contact->letter_acks;
    contact->letter_acks = (uint8_t)(contact->letter_acks - count);
    contact->letter_acks_out =
        (uint8_t)(contact->letter_acks_out > count ? contact->letter_acks_out - count : 0);
    memmove(contact->letter_ack, contact->letter_ack + count,
            contact->letter_acks * sizeof contact->letter_ack[0]);
}

/** A whole content, of `count` letters from `sequence` on. What is no text is told of. */
static peer_error_t keep(peer_t *peer, contact_t *contact, uint64_t epoch, uint64_t sequence,
                         uint16_t count, slice_t content)
{
    const uint8_t type = content.size > 0 ? content.bytes[0] : 0;
    const slice_t text = { content.bytes + 1, content.size > 0 ? content.size - 1 : 0 };
    const bool is_text = type == CONTENT_TEXT && is_utf8(text);
    peer_error_t error =
        is_text ? inbox_add_letter(&contact->inbox, epoch, sequence, count, text) : PEER_OK;
    uint8_t reason = 0;

    if (error == PEER_ERROR_NO_ROOM) reason = NOTICE_TOO_LARGE;
    else if (error != PEER_OK) return error;
    else if (is_text) peer->news = NEWS_TEXT;
    else if (type != CONTENT_NOTICE || content.size != NOTICE_SIZE) reason = NOTICE_NOT_UNDERSTOOD;
    if (reason != 0) PEER_TRY(outbox_add_notice(&contact->outbox, epoch, sequence, reason));
    PEER_TRY(note(peer, contact, epoch, sequence, count));
    inbox_settle_letter(&contact->inbox, epoch, sequence);
    owe_acks(contact, epoch, sequence, count);
    return PEER_OK;
}

static peer_error_t take_part(peer_t *peer, contact_t *contact, uint64_t epoch,
                              const payload_t *part)
{
    const uint64_t first = part->sequence - part->part_index;
    slice_t whole;
    const peer_error_t error = assembly_add(&peer->assembly, contact, epoch, part, &whole);

    if (error == PEER_ERROR_NO_ROOM) {
        if (part->part_index == 0) {
            PEER_TRY(outbox_add_notice(&contact->outbox, epoch, first, NOTICE_TOO_LARGE));
        }
        PEER_TRY(note(peer, contact, epoch, part->sequence, 1));
        owe_acks(contact, epoch, part->sequence, 1);
        return PEER_OK;
    }
    if (error != PEER_OK || whole.bytes == NULL) return error;
    PEER_TRY(keep(peer, contact, epoch, first, (uint16_t)part->part_count, whole));
    crypto_wipe(&peer->assembly, sizeof peer->assembly);
    return PEER_OK;
}

static peer_error_t take(peer_t *peer, contact_t *contact, slice_t payloads)
{
    peer_error_t error = PEER_OK;
    uint64_t epoch = 0;
    payload_t payload;

    while (payload_next(&payloads, &payload)) {
        letter_window_t window;
        peer_error_t refusal = PEER_OK;

        if (payload.kind == PAYLOAD_OUTBOX) {
            epoch = payload.epoch;
            continue;
        }
        (void)load_window(peer, contact, epoch, &window);
        if (!letter_window_is_fresh(&window, payload.sequence)) {
            owe_acks(contact, epoch, payload.sequence, 1);
            refusal = PEER_ERROR_REPLAYED;
        } else if (payload.kind == PAYLOAD_PART) {
            refusal = take_part(peer, contact, epoch, &payload);
        } else {
            refusal = keep(peer, contact, epoch, payload.sequence, 1, payload.bytes);
        }
        if (refusal != PEER_OK && error == PEER_OK) error = refusal;
    }
    return error;
}

static bool take_token(contact_t *contact, uint64_t now_ms)
{
    const uint64_t burst_ms = (uint64_t)LETTER_INTERVAL_MS * LETTER_BURST;

    /* The time up to which letters are paid for; it may lie a burst ahead. */
    if (contact->letters_paid_ms < now_ms) contact->letters_paid_ms = now_ms;
    if (contact->letters_paid_ms - now_ms >= burst_ms) return false;
    contact->letters_paid_ms += LETTER_INTERVAL_MS;
    return true;
}

peer_error_t letter_box_receive(peer_t *peer, const packet_t *packet, uint64_t now_ms)
{
    contact_t *sender = NULL;
    slice_t payloads;

    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *contact = &peer->contacts[i];
        if (contact->record.is_pinned && contact->hint_in == packet->index) sender = contact;
    }
    if (sender == NULL) return PEER_ERROR_UNAUTHENTICATED;
    if (packet->whole.size > PEER_MAX_FRAME) return PEER_ERROR_MALFORMED;
    if (!take_token(sender, now_ms)) return PEER_ERROR_BUSY;
    peer_error_t error = letter_read(peer, sender, packet, peer->plaintext, &payloads);
    if (error == PEER_OK) error = take(peer, sender, payloads);
    crypto_wipe(peer->plaintext, sizeof peer->plaintext);
    return error;
}
