/* The two ends of an exchange: what is judged, what is answered, what is sent when. */
#include "peer/bytes.h"
#include "peer/letter_box.h"
#include "peer_parts.h"

enum {
    REPEAT_MAX_MS = 32 * 1000,
    REFUSED_MAX_MS = 2 * 60 * 1000,
    STATUS_PER_SECOND = 16,
};

static bool may_send_status(peer_t *peer, uint64_t now_ms)
{
    if (now_ms - peer->statuses_since_ms >= 1000) {
        peer->statuses_since_ms = now_ms;
        peer->statuses = 0;
    }
    return peer->statuses++ < STATUS_PER_SECOND;
}

/** The STATUS that tells of a refusal, PROTOCOL §4.2; 0: none does. */
static int status_of(peer_error_t error)
{
    switch (error) {
    case PEER_ERROR_STALE: return STATUS_STALE;
    case PEER_ERROR_UNKNOWN: return STATUS_UNKNOWN;
    case PEER_ERROR_BUSY:
    case PEER_ERROR_STORE: return STATUS_BUSY;
    case PEER_ERROR_REFUSED: return STATUS_REFUSED;
    default: return 0;
    }
}

/** KK1 was turned down, or so it is said: a person is told once, and it is tried more seldom. */
static void hear_refusal(peer_t *peer, contact_t *from, status_code_t refusal)
{
    if (from->out_type != PACKET_KK1 || from->refusal != refusal) {
        peer->news = refusal == STATUS_UNKNOWN ? NEWS_FORGOTTEN : NEWS_KEY_CHANGED;
    }
    if (from->out_type == PACKET_KK1) from->refusal = refusal;
}

/** A STATUS about what I sent: whoever carries it may have made it up, so it ends nothing but a code. */
static peer_error_t receive_status(peer_t *peer, contact_t *from, const packet_t *packet,
                                   uint64_t now_ms)
{
    if (from == NULL || memcmp(packet->body.bytes, from->echo, ECHO_SIZE) != 0) return PEER_OK;
    const bool is_by_code = from->out_type == PACKET_PSK1 || from->out_type == PACKET_PSK3;
    const bool is_final = packet->status == STATUS_REFUSED || packet->status == STATUS_STALE;

    if (is_by_code && is_final && from->initiation.sending != 0) {
        meeting_end(&from->initiation);
        peer->news = NEWS_CODE_NOT_TAKEN;
    } else if (packet->status == STATUS_UNKNOWN && from->out_type == PACKET_TRANSPORT) {
        from->is_wanted = true;
    } else if (packet->status == STATUS_BUSY) {
        contact_wait(peer, from, now_ms);
    } else if (packet->status == STATUS_REFUSED
               || (packet->status == STATUS_UNKNOWN && from->out_type == PACKET_KK1)) {
        hear_refusal(peer, from, packet->status);
    }
    return PEER_OK;
}

/** Whose handshake this answers. It may come in any exchange but one opened to somebody else. */
static contact_t *initiator_of(peer_t *peer, contact_t *from, const packet_t *packet)
{
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *contact = &peer->contacts[i];
        const initiation_t *mine = &contact->initiation;

        if (from != NULL && from != contact) continue;
        if (mine->sending != 0 && mine->own_index == packet->index) return contact;
    }
    return NULL;
}

/** One packet. `from` is whom an exchange was opened to; NULL if it came in a request. */
static peer_error_t receive_packet(peer_t *peer, contact_t *from, const packet_t *packet,
                                   uint64_t now_ms, bundle_writer_t *reply)
{
    contact_t *sender = NULL;

    switch (packet->type) {
    case PACKET_PSK1: return meeting_receive_psk1(peer, packet, now_ms, reply);
    case PACKET_PSK2:
        return meeting_receive_psk2(peer, initiator_of(peer, from, packet), packet, now_ms);
    case PACKET_PSK3: return meeting_receive_psk3(peer, packet, now_ms);
    case PACKET_KK1: return renewal_receive_kk1(peer, packet, now_ms, reply);
    case PACKET_KK2:
        return renewal_receive_kk2(peer, initiator_of(peer, from, packet), packet, now_ms);
    case PACKET_TRANSPORT: return delivery_receive(peer, packet, now_ms, &sender);
    case PACKET_STATUS: return receive_status(peer, from, packet, now_ms);
    case PACKET_XX1:
    case PACKET_XX2:
    case PACKET_XX3: break;
    case PACKET_LETTER: return letter_box_receive(peer, packet, now_ms);
    }
    return PEER_ERROR_REFUSED; /* Plain XX: codes could be compared nowhere, PROTOCOL §7. */
}

static void receive_all(peer_t *peer, contact_t *from, slice_t bundle, uint64_t now_ms,
                        bundle_writer_t *reply)
{
    slice_t whole;

    while (bundle_next(&bundle, &whole)) {
        packet_t packet;
        peer_error_t error = packet_decode(whole, &packet);

        if (error == PEER_OK) error = receive_packet(peer, from, &packet, now_ms, reply);
        if (error == PEER_OK) continue;
        peer->refusals[error]++;
        peer->health.tag_failures = peer->refusals[PEER_ERROR_UNAUTHENTICATED];
        const int status = status_of(error);
        const bool is_about_status = whole.bytes[0] == PACKET_STATUS;
        if (from == NULL && status != 0 && !is_about_status && may_send_status(peer, now_ms)) {
            if (status_add(reply, (status_code_t)status, whole) != PEER_OK) return;
        }
    }
}

peer_error_t peer_receive(peer_t *peer, slice_t bundle, uint64_t now_ms, uint8_t *out, size_t room,
                          size_t *size)
{
    bundle_writer_t reply = { .bytes = out, .room = room };

    if (!bundle_is_exact(bundle)) return PEER_ERROR_MALFORMED;
    receive_all(peer, NULL, bundle, now_ms, &reply);
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *contact = &peer->contacts[i];
        /* A contact that cannot be called is told everything here. */
        const bool with_queue = contact->record.address[0] == '\0';
        const bool has_queue = with_queue && contact->is_heard && outbox_count(&contact->outbox) > 0;

        const bool has_acks = contact->is_heard && contact->letter_acks > 0;

        contact->is_heard = false;
        if (!contact->ack_due && !contact->confirm_due && !has_queue && !has_acks) continue;
        if (!delivery_add(peer, contact, now_ms, with_queue, &reply)) continue;
        contact->confirm_due = false;
        /* Nothing else will tell whether they arrived; a letter that comes again is acknowledged again. */
        if (with_queue) letter_box_settle(contact, contact->letter_acks);
    }
    *size = reply.size;
    return PEER_OK;
}

/** Remembers what is out, so that a STATUS about it is known. */
static size_t send(contact_t *contact, packet_type_t type, const bundle_writer_t *bundle)
{
    const slice_t packet = { bundle->bytes + 2, bundle->size - 2 };

    contact->out_type = type;
    if (status_echo(packet, contact->echo) != PEER_OK) return 0;
    return bundle->size;
}

static size_t poll_initiation(peer_t *peer, contact_t *contact, uint64_t now_ms,
                              bundle_writer_t *bundle)
{
    initiation_t *mine = &contact->initiation;

    if (mine->sending == 0) return 0;
    const bool is_refused = mine->sending == PACKET_KK1 && contact->refusal != STATUS_NONE;
    const uint64_t interval_max_ms = is_refused ? REFUSED_MAX_MS : REPEAT_MAX_MS;
    /* One that was refused is out until the next is due: each costs two Diffie-Hellmans. */
    if (now_ms >= mine->give_up_at_ms && (!is_refused || now_ms >= mine->at_ms)) {
        if (mine->sending != PACKET_KK1) peer->news = NEWS_CODE_NOT_TAKEN;
        meeting_end(mine);
        return 0;
    }
    if (now_ms < mine->at_ms) return 0;
    mine->at_ms = now_ms + mine->interval_ms;
    mine->interval_ms *= 2;
    if (mine->interval_ms > interval_max_ms) mine->interval_ms = interval_max_ms;
    contact->refused_interval_ms = mine->interval_ms;
    bundle_add_copy(bundle, mine->packet, mine->packet_size);
    return bundle->is_full ? 0 : send(contact, mine->sending, bundle);
}

static size_t poll_contact(peer_t *peer, contact_t *contact, uint64_t now_ms,
                           bundle_writer_t *bundle)
{
    const session_t *current = &contact->current;
    const bool is_usable = current->is_alive && !session_is_over(current, now_ms);
    const bool has_queue = contact->record.is_pinned && outbox_count(&contact->outbox) > 0;
    const bool is_due = has_queue || contact->ack_due || contact->confirm_due || contact->time_due
                        || contact->letter_acks > 0;
    const bool is_idle = contact->initiation.sending == 0;

    if (contact->record.address[0] == '\0' || now_ms < contact->send_at_ms) return 0;
    const bool is_needed = contact->is_wanted
                           || ((has_queue || contact->letter_acks > 0) && !is_usable)
                           || (is_due && is_usable && session_is_old(current, now_ms));
    if (is_idle && contact->record.is_pinned && is_needed
        && renewal_start(peer, contact, now_ms) != PEER_OK) {
        return 0;
    }
    if (contact->answers_size > 0) {
        memcpy(bundle->bytes, contact->answers, contact->answers_size);
        bundle->size = contact->answers_size;
        contact->answers_size = 0;
        return send(contact, PACKET_KK2, bundle);
    }
    const size_t size = poll_initiation(peer, contact, now_ms, bundle);
    if (size > 0) return size;
    /* While a new session is asked for because the other side lost this one, nothing goes out. */
    if (!is_due || !is_usable || contact->is_wanted) return 0;
    if (!delivery_add(peer, contact, now_ms, true, bundle)) return 0;
    contact->letter_acks_out = contact->letter_acks;
    return send(contact, PACKET_TRANSPORT, bundle);
}

size_t peer_poll(peer_t *peer, uint64_t now_ms, uint8_t *out, size_t room, contact_t **to)
{
    const bool is_time = peer->time_interval_ms > 0 && now_ms >= peer->time_at_ms;

    if (is_time) peer->time_at_ms = now_ms + peer->time_interval_ms;
    for (size_t i = 0; is_time && i < PEER_CONTACTS; i++) {
        if (peer->contacts[i].current.is_alive) peer->contacts[i].time_due = true;
    }
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *contact = &peer->contacts[(peer->turn + i) % PEER_CONTACTS];
        bundle_writer_t bundle = { .bytes = out, .room = room };

        peer->health.queued = (uint32_t)outbox_count(&contact->outbox);
        peer->health.dropped = contact->outbox.dropped;
        *to = contact;
        const size_t size = poll_contact(peer, contact, now_ms, &bundle);
        if (size == 0) continue;
        peer->turn = (size_t)(contact - peer->contacts) + 1; /* Then the next one's. */
        return size;
    }
    return 0;
}

void peer_reply(peer_t *peer, contact_t *from, slice_t bundle, uint64_t now_ms)
{
    const uint64_t lowest = from->outbox.lowest;
    const size_t waiting = outbox_count(&from->outbox);
    bundle_writer_t answers = { .bytes = from->answers, .room = sizeof from->answers };

    if (!bundle_is_exact(bundle)) {
        peer_fail(peer, from, now_ms);
        return;
    }
    if (from->out_type == PACKET_TRANSPORT) {
        from->confirm_due = false;
        letter_box_settle(from, from->letter_acks_out);
    }
    if (from->time_event_out != 0) from->time_event = from->time_event_out = 0;
    receive_all(peer, from, bundle, now_ms, &answers);
    from->answers_size = answers.size;
    const bool is_stuck = from->out_type == PACKET_TRANSPORT && waiting > 0
                          && from->outbox.lowest == lowest
                          && outbox_count(&from->outbox) >= waiting;
    if (is_stuck && now_ms >= from->send_at_ms && !from->is_wanted) contact_wait(peer, from, now_ms);
}

void peer_fail(peer_t *peer, contact_t *to, uint64_t now_ms)
{
    /* A synchronisation that nobody heard of is told again. */
    if (to->time_event_out != 0) to->time_due = true;
    to->time_event_out = 0;
    to->letter_acks_out = 0;
    if (to->out_type == PACKET_TRANSPORT) contact_wait(peer, to, now_ms);
}
