/* What a session carries: messages, acknowledgements, time. PROTOCOL §8. */
#include "peer/bytes.h"
#include "peer/letter_box.h"
#include "peer/payload.h"
#include "peer_parts.h"

enum {
    NOTICE_TOO_LARGE = 1,
    NOTICE_NOT_UNDERSTOOD = 2,
    HEALTH_EVERY = 10, /* Readings. */
    OUTBOX_AHEAD_MAX = 1023,
    TIME_ANSWER_MS = 5 * 1000,
};

/** Tells the sender that its message was taken off the line and not kept; then it counts as
    received. */
static peer_error_t refuse_content(contact_t *contact, inbox_epoch_t *epoch, uint64_t about,
                                   uint64_t sequence, uint8_t reason)
{
    if (about == sequence) PEER_TRY(outbox_add_notice(&contact->outbox, epoch->epoch, about, reason));
    return inbox_mark(&contact->inbox, epoch, sequence);
}

/** A whole content that came in `part_count` messages from `sequence` on. */
static peer_error_t take_content(peer_t *peer, contact_t *contact, inbox_epoch_t *epoch,
                                 uint64_t sequence, uint16_t part_count, slice_t content)
{
    const uint8_t type = content.size > 0 ? content.bytes[0] : 0;
    const slice_t text = { content.bytes + 1, content.size > 0 ? content.size - 1 : 0 };
    peer_error_t error = PEER_OK;
    uint8_t reason = 0;

    if (type == CONTENT_TEXT && is_utf8(text)) {
        error = inbox_add_text(&contact->inbox, epoch, sequence, part_count, text);
        if (error == PEER_OK) peer->news = NEWS_TEXT;
        if (error != PEER_ERROR_NO_ROOM) return error;
        reason = NOTICE_TOO_LARGE;
    } else if (type != CONTENT_NOTICE || content.size != NOTICE_SIZE) { /* Never answered. */
        reason = NOTICE_NOT_UNDERSTOOD;
    }
    if (reason != 0) PEER_TRY(outbox_add_notice(&contact->outbox, epoch->epoch, sequence, reason));
    for (uint64_t at = sequence; error != PEER_ERROR_STORE && at - sequence < part_count; at++) {
        error = inbox_mark(&contact->inbox, epoch, at);
    }
    return error;
}

static peer_error_t take_part(peer_t *peer, contact_t *contact, inbox_epoch_t *epoch,
                              const payload_t *part)
{
    const uint64_t first = part->sequence - part->part_index;
    slice_t whole;
    const peer_error_t error = assembly_add(&peer->assembly, contact, epoch->epoch, part, &whole);

    if (error == PEER_ERROR_NO_ROOM) {
        return refuse_content(contact, epoch, first, part->sequence, NOTICE_TOO_LARGE);
    }
    if (error != PEER_OK || whole.bytes == NULL) return error;
    const peer_error_t taken =
        take_content(peer, contact, epoch, first, (uint16_t)part->part_count, whole);
    if (taken == PEER_OK) crypto_wipe(&peer->assembly, sizeof peer->assembly);
    return taken;
}

/** One MESSAGE or PART. What could not be committed is not acknowledged. */
static peer_error_t take_message(peer_t *peer, contact_t *contact, inbox_epoch_t *epoch,
                                 const payload_t *payload)
{
    if (sequence_window_judge(&epoch->window, payload->sequence) != SEQUENCE_FRESH) return PEER_OK;
    if (payload->kind == PAYLOAD_PART) return take_part(peer, contact, epoch, payload);
    return take_content(peer, contact, epoch, payload->sequence, 1, payload->bytes);
}

static void take_ack(contact_t *contact, const payload_t *payload)
{
    if (payload->epoch != contact->outbox.epoch) return;
    const size_t count = outbox_acknowledge(&contact->outbox, payload->sequence,
                                            payload->bytes.bytes, payload->bytes.size);
    if (count > 0) contact->send_at_ms = contact->backoff_ms = 0;
}

/**
 * Takes a time that was asked for, half the way there and back later. Whoever carries it can keep
 * it waiting, and so no longer than TIME_ANSWER_MS.
 */
static void take_time(peer_t *peer, contact_t *contact, const payload_t *payload, uint64_t now_ms)
{
    const bool was_synchronised = peer->clock.is_synchronised;
    const uint64_t taken_ms = now_ms - contact->time_asked_at_ms;

    if (payload->unix_ms == 0 && was_synchronised) contact->time_due = contact->time_wanted = true;
    if (payload->unix_ms == 0 || !contact->time_asked || taken_ms > TIME_ANSWER_MS) return;
    contact->time_asked = false;
    if (payload->unix_ms > UINT64_MAX - taken_ms) return;
    const bool is_set = peer_synchronise(peer, payload->unix_ms + taken_ms / 2, now_ms);
    if (is_set && !was_synchronised) peer->news = NEWS_SYNCHRONISED;
}

static void take_letter_ack(peer_t *peer, const payload_t *payload)
{
    const bool is_ours = payload->epoch == peer->letter_epoch && payload->sequence == peer->letter_out;

    if (!peer->is_letter_out || !is_ours) return;
    peer->is_letter_out = false;
    peer->news = NEWS_PICTURE_TAKEN;
}

static peer_error_t take_payloads(peer_t *peer, contact_t *contact, slice_t payloads,
                                  uint64_t now_ms)
{
    inbox_epoch_t *epoch = NULL;
    peer_error_t error = PEER_OK;
    payload_t payload;

    while (payload_next(&payloads, &payload)) {
        peer_error_t refusal = PEER_OK;

        switch (payload.kind) {
        case PAYLOAD_OUTBOX:
            epoch = inbox_epoch(&contact->inbox, payload.epoch);
            sequence_window_raise(&epoch->window, payload.sequence);
            break;
        case PAYLOAD_MESSAGE:
        case PAYLOAD_PART:
            refusal = take_message(peer, contact, epoch, &payload);
            contact->ack_due = true;
            contact->ack_epoch = epoch->epoch;
            break;
        case PAYLOAD_ACK: take_ack(contact, &payload); break;
        case PAYLOAD_TIME: take_time(peer, contact, &payload, now_ms); break;
        case PAYLOAD_LETTER_ACK: take_letter_ack(peer, &payload); break;
        }
        if (refusal != PEER_OK) error = PEER_ERROR_BUSY;
    }
    return error;
}

/** The first packet of an unconfirmed session promotes it. */
static peer_error_t confirm(peer_t *peer, contact_t *contact, session_t *session, uint64_t now_ms)
{
    const size_t slot = (size_t)(session - contact->next);
    const introduction_t said = contact->introduced[slot];
    const bool is_by_code = contact->initiation.sending == PACKET_PSK3
                            && contact->initiation.own_index == session->own_index;

    contact_promote(contact, session, now_ms);
    if (is_by_code) return meeting_finish(peer, contact);
    return contact_update(peer, contact, &said);
}

static bool is_next(const contact_t *contact, const session_t *session)
{
    return session >= contact->next && session < contact->next + PEER_NEXT_SESSIONS;
}

peer_error_t delivery_receive(peer_t *peer, const packet_t *packet, uint64_t now_ms,
                              contact_t **from)
{
    session_t *session = session_of(peer, packet->index, now_ms, from);
    slice_t plaintext = { peer->plaintext, packet->body.size - TAG_SIZE };

    if (session == NULL) return PEER_ERROR_UNKNOWN;
    if (packet->whole.size > PEER_MAX_FRAME) return PEER_ERROR_MALFORMED;
    PEER_TRY(session_open(session, packet, peer->plaintext));
    PEER_TRY(plaintext_unpad(&plaintext));
    PEER_TRY(payloads_check(plaintext));
    (*from)->is_heard = true;
    if (is_next(*from, session)) PEER_TRY(confirm(peer, *from, session, now_ms));
    return take_payloads(peer, *from, plaintext, now_ms);
}

/** Adds readings, if they fit; how the device is goes with every tenth. */
static bool add_readings(const peer_t *peer, const outbox_message_t *message, bool with_health,
                         plaintext_writer_t *writer)
{
    const uint64_t last = message->sequence + message->count - 1;
    const bool is_tenth = last / HEALTH_EVERY != message->sequence / HEALTH_EVERY
                          || message->sequence % HEALTH_EVERY == 0;
    size_t room, size = 0;
    uint8_t *out = plaintext_message_space(writer, &room);

    if (senml_encode(peer->name, message->of.readings, message->count,
                     with_health && is_tenth ? &peer->health : NULL, out, room, &size)
        != PEER_OK) {
        return false;
    }
    plaintext_end_message(writer, message->sequence, CONTENT_READING, size);
    return true;
}

/** Adds a message; false if there is no room. */
static bool add_item(const peer_t *peer, const outbox_message_t *message, bool with_health,
                     plaintext_writer_t *writer)
{
    const notice_t *notice = &message->of.notice;
    uint8_t bytes[NOTICE_SIZE - 1];

    switch (message->kind) {
    case ITEM_READING: return add_readings(peer, message, with_health, writer);
    case ITEM_TEXT:
        return plaintext_add_message(writer, message->sequence, CONTENT_TEXT,
                                     (slice_t){ (const uint8_t *)message->of.text,
                                                strlen(message->of.text) });
    case ITEM_NOTICE:
        put_u64(bytes, notice->epoch);
        put_u64(bytes + 8, notice->sequence);
        bytes[16] = notice->reason;
        return plaintext_add_message(writer, message->sequence, CONTENT_NOTICE,
                                     (slice_t){ bytes, sizeof bytes });
    case ITEM_NONE: break;
    }
    return true;
}

/** What finds no room even in a packet of its own would be in everybody's way for ever. */
static bool add_alone(peer_t *peer, contact_t *contact, const outbox_message_t *message,
                      plaintext_writer_t *writer)
{
    if (add_item(peer, message, false, writer)) return true;
    outbox_drop(&contact->outbox, message->sequence);
    return false;
}

static void add_queue(peer_t *peer, contact_t *contact, plaintext_writer_t *writer)
{
    outbox_t *outbox = &contact->outbox;
    uint64_t sequence = outbox->lowest;
    outbox_message_t message;
    const bool is_alone = writer->size == 0;

    if (!outbox_next(outbox, &sequence, &message)) return;
    if (!plaintext_add_outbox(writer, outbox->epoch, outbox->lowest)) return;
    outbox_close(outbox);
    if (!add_item(peer, &message, true, writer)) {
        if (is_alone) (void)add_alone(peer, contact, &message, writer);
        return;
    }
    while (outbox_next(outbox, &sequence, &message)
           && message.sequence - outbox->lowest <= OUTBOX_AHEAD_MAX) {
        if (!add_item(peer, &message, true, writer)) break;
    }
}

static void add_ack(contact_t *contact, plaintext_writer_t *writer)
{
    const sequence_window_t *window = &inbox_epoch(&contact->inbox, contact->ack_epoch)->window;
    const slice_t bitmap = { window->bitmap, sequence_window_bitmap_size(window) };

    if (plaintext_add_ack(writer, contact->ack_epoch, window->next, bitmap)) contact->ack_due = false;
}

/**
 * The time, when it is due and nothing is more urgent; and beside readings that were dated by the
 * uptime, which need the uptime of now. A clock that nobody has set for a while asks instead.
 */
static void add_time(const peer_t *peer, contact_t *contact, uint64_t now_ms, bool with_queue,
                     plaintext_writer_t *writer)
{
    const bool has_queue = with_queue && outbox_count(&contact->outbox) > 0;
    const bool is_unsure = has_queue && outbox_is_unsure(&contact->outbox);
    const bool is_asking = device_clock_is_due(&peer->clock, now_ms) && !contact->time_wanted;

    if (!is_unsure && (!contact->time_due || has_queue)) return;
    if ((contact->record.capabilities & CAPABILITY_TIME) != 0) {
        const uint64_t unix_ms = is_asking ? 0 : device_clock_unix_ms(&peer->clock, now_ms);

        contact->time_event_out = is_asking ? 0 : contact->time_event;
        if (!plaintext_add_time(writer, contact->time_event_out, unix_ms, now_ms)) return;
        if (is_asking) contact->time_asked_at_ms = now_ms;
        contact->time_asked = is_asking;
    }
    contact->time_due = contact->time_wanted = false;
}

bool delivery_add(peer_t *peer, contact_t *contact, uint64_t now_ms, bool with_queue,
                  bundle_writer_t *bundle)
{
    session_t *session = &contact->current;
    size_t room;
    uint8_t *out = bundle_space(bundle, &room);

    if (!session->is_alive || session_is_over(session, now_ms)) return false;
    if (room > contact->record.max_frame) room = contact->record.max_frame;
    if (room > PEER_MAX_FRAME) room = PEER_MAX_FRAME;
    plaintext_writer_t writer = { .bytes = peer->plaintext, .room = session_room(room) };
    if (writer.room == 0) return false;
    if (contact->ack_due) add_ack(contact, &writer);
    (void)letter_box_add_acks(contact, &writer);
    add_time(peer, contact, now_ms, with_queue, &writer);
    if (with_queue) add_queue(peer, contact, &writer);
    plaintext_finish(&writer);
    if (session_seal(session, (slice_t){ peer->plaintext, writer.size }, out) != PEER_OK) return false;
    bundle_add(bundle, writer.size + TRANSPORT_OVERHEAD);
    crypto_wipe(peer->plaintext, writer.size);
    return true;
}
