/* Meeting again, and renewing: KKpsk0 between pinned contacts, PROTOCOL §6. */
#include "peer/bytes.h"
#include "peer/gate.h"
#include "peer_parts.h"

enum {
    REPEAT_MIN_MS = 1000,
    GIVE_UP_MS = 60 * 1000,
    KK1_INTERVAL_MS = 500, /* Two a second … */
    KK1_BURST = 8,
    E_AT = 8, /* Where the ephemeral key stands in KK1. */
};

/** 32 zero bytes, until there is a post-quantum secret. */
static const uint8_t NO_PSK[KEY_SIZE];

static peer_error_t start(const peer_t *peer, const contact_t *contact, bool is_initiator,
                          handshake_state_t *state)
{
    uint8_t ephemeral[KEY_SIZE], prologue[PROLOGUE_SIZE];

    peer->port->random(peer->port->context, ephemeral, sizeof ephemeral);
    prologue_encode(PACKET_KK1, prologue);
    const peer_error_t error = handshake_start(
        state, &(handshake_config_t){ .pattern = PATTERN_KKPSK0,
                                      .is_initiator = is_initiator,
                                      .prologue = { prologue, sizeof prologue },
                                      .static_keys = &peer->static_keys,
                                      .ephemeral_private = ephemeral,
                                      .remote_static = contact->record.public_key,
                                      .psk = NO_PSK });
    crypto_wipe(ephemeral, sizeof ephemeral);
    return error;
}

static peer_error_t write_introduction(peer_t *peer, handshake_state_t *state, uint32_t own_index,
                                       uint8_t *message, size_t room, size_t *size)
{
    const introduction_t introduction = own_introduction(peer, own_index);
    const size_t payload_size = introduction_encode(&introduction, peer->plaintext);

    return handshake_write(state, (slice_t){ peer->plaintext, payload_size }, message, room, size);
}

/** The payload of KK1 and KK2 is an introduction and nothing else. */
static peer_error_t read_introduction(peer_t *peer, handshake_state_t *state, slice_t message,
                                      introduction_t *said)
{
    size_t size = 0;
    slice_t rest;

    if (!crypto_is_public_key(message.bytes)) return PEER_ERROR_MALFORMED;
    PEER_TRY(handshake_read(state, message, peer->plaintext, &size));
    PEER_TRY(introduction_decode((slice_t){ peer->plaintext, size }, said, &rest));
    return rest.size == 0 ? PEER_OK : PEER_ERROR_MALFORMED;
}

peer_error_t renewal_start(peer_t *peer, contact_t *contact, uint64_t now_ms)
{
    initiation_t *mine = &contact->initiation;
    size_t size, message_bytes = 0;

    if (!contact->record.is_pinned) return PEER_ERROR_STATE;
    meeting_end(mine);
    mine->own_index = fresh_index(peer);
    PEER_TRY(start(peer, contact, true, &mine->handshake));
    packet_begin(PACKET_KK1, contact->hint_out, mine->packet, &size);
    PEER_TRY(write_introduction(peer, &mine->handshake, mine->own_index, mine->packet + size,
                                sizeof mine->packet - size - GATE_SIZE, &message_bytes));
    size += message_bytes;
    PEER_TRY(gate_value(contact->gate_key, peer->static_keys.public_key,
                        (slice_t){ mine->packet, size }, mine->packet + size));
    mine->packet_size = size + GATE_SIZE;
    mine->sending = PACKET_KK1;
    mine->at_ms = now_ms;
    mine->interval_ms = contact->refusal == STATUS_NONE ? (uint64_t)REPEAT_MIN_MS
                                                        : contact->refused_interval_ms;
    mine->give_up_at_ms = now_ms + GIVE_UP_MS;
    return PEER_OK;
}

/** The contact whose hint and gate this is, before any Diffie-Hellman. */
static contact_t *sender_of(peer_t *peer, const packet_t *packet)
{
    const slice_t before = { packet->whole.bytes, packet->whole.size - GATE_SIZE };
    uint8_t gate[GATE_SIZE];

    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *contact = &peer->contacts[i];

        if (!contact->record.is_pinned || contact->hint_in != packet->index) continue;
        const peer_error_t error =
            gate_value(contact->gate_key, contact->record.public_key, before, gate);
        const uint8_t *claimed = before.bytes + before.size;
        if (error == PEER_OK && crypto_equal(gate, claimed, GATE_SIZE)) return contact;
    }
    return NULL;
}

/** Whether another KK1 may be read now: two a second, with a burst. */
static bool take_token(contact_t *contact, uint64_t now_ms)
{
    const uint64_t full_ms = (uint64_t)KK1_INTERVAL_MS * KK1_BURST;
    uint64_t left_ms = contact->kk_tokens_at_ms == 0
                           ? full_ms
                           : contact->kk_tokens_ms + now_ms - contact->kk_tokens_at_ms;

    if (left_ms > full_ms) left_ms = full_ms;
    contact->kk_tokens_at_ms = now_ms + (now_ms == 0 ? 1 : 0);
    contact->kk_tokens_ms = (uint32_t)left_ms;
    if (left_ms < KK1_INTERVAL_MS) return false;
    contact->kk_tokens_ms -= KK1_INTERVAL_MS;
    return true;
}

/** Reads KK1, writes KK2 into the contact's answer and opens an unconfirmed session. */
static peer_error_t respond(peer_t *peer, contact_t *contact, const packet_t *packet)
{
    const slice_t message = { packet->body.bytes, packet->body.size - GATE_SIZE };
    const uint32_t own_index = fresh_index(peer);
    answer_t *answer = &contact->kk_answer;
    handshake_state_t state;
    introduction_t said;
    size_t size, message_bytes = 0;

    PEER_TRY(start(peer, contact, false, &state));
    peer_error_t error = read_introduction(peer, &state, message, &said);
    if (error == PEER_OK) {
        packet_begin(PACKET_KK2, said.index, answer->packet, &size);
        error = write_introduction(peer, &state, own_index, answer->packet + size,
                                   sizeof answer->packet - size, &message_bytes);
        answer->packet_size = size + message_bytes;
    }
    if (error == PEER_OK) {
        const session_t session = open_session(&state, own_index, said.index);
        if (session.is_alive) *contact_next(contact, &said) = session;
        else error = PEER_ERROR_CRYPTO;
    }
    crypto_wipe(&state, sizeof state);
    return error;
}

peer_error_t renewal_receive_kk1(peer_t *peer, const packet_t *packet, uint64_t now_ms,
                                 bundle_writer_t *reply)
{
    contact_t *contact = sender_of(peer, packet);
    uint8_t question[HASH_SIZE];

    if (contact == NULL) return PEER_ERROR_UNKNOWN;
    answer_t *answer = &contact->kk_answer;
    const initiation_t *mine = &contact->initiation;
    PEER_TRY(packet_hash(packet->whole, question));
    if (answer->is_alive && memcmp(question, answer->question, HASH_SIZE) == 0) {
        bundle_add_copy(reply, answer->packet, answer->packet_size);
        return PEER_OK;
    }
    if (mine->sending == PACKET_PSK3 || !take_token(contact, now_ms)) return PEER_ERROR_BUSY;
    if (mine->sending == PACKET_KK1) {
        const int order = memcmp(mine->packet + E_AT, packet->body.bytes, KEY_SIZE);
        if (order == 0) return PEER_ERROR_REFUSED;
        if (order < 0) {
            bundle_add_copy(reply, mine->packet, mine->packet_size);
            return PEER_OK;
        }
    }
    answer->is_alive = false;
    PEER_TRY(respond(peer, contact, packet));
    memcpy(answer->question, question, HASH_SIZE);
    answer->is_alive = true;
    contact->refusal = STATUS_NONE;
    bundle_add_copy(reply, answer->packet, answer->packet_size);
    return PEER_OK;
}

peer_error_t renewal_receive_kk2(peer_t *peer, contact_t *from, const packet_t *packet,
                                 uint64_t now_ms)
{
    initiation_t *mine = from == NULL ? NULL : &from->initiation;
    introduction_t said;

    if (mine == NULL || mine->sending != PACKET_KK1 || packet->index != mine->own_index) {
        return PEER_ERROR_STALE;
    }
    handshake_state_t attempt = mine->handshake;
    peer_error_t error = read_introduction(peer, &attempt, packet->body, &said);
    session_t session = { 0 };
    if (error == PEER_OK) {
        session = open_session(&attempt, mine->own_index, said.index);
        error = key_check_value(attempt.symmetric.transcript, peer->key_check);
    }
    crypto_wipe(&attempt, sizeof attempt);
    if (error != PEER_OK) return error;
    if (!session.is_alive) return PEER_ERROR_CRYPTO;
    meeting_end(mine);
    contact_promote(from, &session, now_ms);
    from->confirm_due = true;
    return contact_update(peer, from, &said);
}
