/* Meeting by pairing code: XXpsk3, PROTOCOL §5 and §7. */
#include "peer/bytes.h"
#include "peer_parts.h"

enum {
    REPEAT_MIN_MS = 1000,
    GIVE_UP_MS = 60 * 1000,
    RESPONSE_LIVES_MS = 120 * 1000,
    PSK1_INTERVAL_MS = 500, /* Every PSK1 costs two Diffie-Hellmans: no more than two a second. */
    CODE_FAILURES_MAX = 4,
    E_AT = 4, /* Where the ephemeral key stands in PSK1. */
};

void packet_begin(packet_type_t type, uint32_t index, uint8_t *packet, size_t *size)
{
    *size = header_encode(type, index, 0, packet);
}

peer_error_t packet_hash(slice_t packet, uint8_t hash[HASH_SIZE])
{
    return crypto_hash(&packet, 1, hash);
}

void bundle_add_copy(bundle_writer_t *bundle, const uint8_t *packet, size_t size)
{
    size_t room;
    uint8_t *space = bundle_space(bundle, &room);

    if (room < size) {
        bundle->is_full = true;
        return;
    }
    memcpy(space, packet, size);
    bundle_add(bundle, size);
}

void meeting_end(initiation_t *initiation)
{
    crypto_wipe(initiation, sizeof *initiation);
}

static peer_error_t start(const peer_t *peer, bool is_initiator,
                          const uint8_t secret[PAIRING_SECRET_SIZE], handshake_state_t *state)
{
    uint8_t ephemeral[KEY_SIZE], psk[KEY_SIZE], prologue[PROLOGUE_SIZE];

    peer->port->random(peer->port->context, ephemeral, sizeof ephemeral);
    prologue_encode(PACKET_PSK1, prologue);
    PEER_TRY(pairing_code_psk(secret, psk));
    const peer_error_t error = handshake_start(
        state, &(handshake_config_t){ .pattern = PATTERN_XXPSK3,
                                      .is_initiator = is_initiator,
                                      .prologue = { prologue, sizeof prologue },
                                      .static_keys = &peer->static_keys,
                                      .ephemeral_private = ephemeral,
                                      .psk = psk });
    crypto_wipe(ephemeral, sizeof ephemeral);
    crypto_wipe(psk, sizeof psk);
    return error;
}

/** Writes header and message into `packet`. */
static peer_error_t write_packet(handshake_state_t *state, packet_type_t type, uint32_t index,
                                 slice_t payload, uint8_t packet[HANDSHAKE_PACKET_SIZE_MAX],
                                 size_t *packet_size)
{
    size_t size, message_bytes = 0;

    packet_begin(type, index, packet, &size);
    PEER_TRY(handshake_write(state, payload, packet + size, HANDSHAKE_PACKET_SIZE_MAX - size,
                             &message_bytes));
    *packet_size = size + message_bytes;
    return PEER_OK;
}

peer_error_t meeting_start_code(peer_t *peer, contact_t *contact,
                                const uint8_t secret[PAIRING_SECRET_SIZE], uint64_t now_ms)
{
    initiation_t *mine = &contact->initiation;
    uint8_t *payload = peer->plaintext;

    meeting_end(mine);
    mine->own_index = fresh_index(peer);
    peer->port->random(peer->port->context, mine->nonce, sizeof mine->nonce);
    PEER_TRY(start(peer, true, secret, &mine->handshake));
    const introduction_t introduction = own_introduction(peer, mine->own_index);
    size_t size = introduction_encode(&introduction, payload);
    PEER_TRY(comparison_commit(peer->static_keys.public_key,
                               mine->handshake.ephemeral_keys.public_key, mine->nonce,
                               payload + size));
    size += HASH_SIZE;
    PEER_TRY(write_packet(&mine->handshake, PACKET_PSK1, 0, (slice_t){ payload, size },
                          mine->packet, &mine->packet_size));
    mine->sending = PACKET_PSK1;
    mine->at_ms = now_ms;
    mine->interval_ms = REPEAT_MIN_MS;
    mine->give_up_at_ms = now_ms + GIVE_UP_MS;
    return PEER_OK;
}

/** Reads PSK1 and writes PSK2 into the response. */
static peer_error_t respond(peer_t *peer, const packet_t *packet)
{
    response_t *response = &peer->response;
    uint8_t *payload = peer->plaintext;
    size_t size = 0;
    slice_t commit;

    PEER_TRY(start(peer, false, peer->code.secret, &response->handshake));
    PEER_TRY(handshake_read(&response->handshake, packet->body, payload, &size));
    PEER_TRY(introduction_decode((slice_t){ payload, size }, &response->remote, &commit));
    if (commit.size != HASH_SIZE) return PEER_ERROR_MALFORMED;
    memcpy(response->commit, commit.bytes, HASH_SIZE);
    response->own_index = fresh_index(peer);
    peer->port->random(peer->port->context, response->nonce, sizeof response->nonce);
    const introduction_t introduction = own_introduction(peer, response->own_index);
    size = introduction_encode(&introduction, payload);
    memcpy(payload + size, response->nonce, sizeof response->nonce);
    size += sizeof response->nonce;
    return write_packet(&response->handshake, PACKET_PSK2, response->remote.index,
                        (slice_t){ payload, size }, response->answer.packet,
                        &response->answer.packet_size);
}

/**
 * Crossed PSK1, §7: the smaller `e` stays initiator, and its owner says so by its own PSK1. Whom
 * it comes from only the address tells, a hint.
 */
static const initiation_t *crossing(const peer_t *peer, const packet_t *packet)
{
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        const contact_t *contact = &peer->contacts[i];
        const initiation_t *mine = &contact->initiation;
        const bool is_from = strcmp(peer->response.remote.address, contact->record.address) == 0;

        if (mine->sending != PACKET_PSK1 || !is_from) continue;
        if (memcmp(mine->packet + E_AT, packet->body.bytes, KEY_SIZE) < 0) return mine;
    }
    return NULL;
}

peer_error_t meeting_receive_psk1(peer_t *peer, const packet_t *packet, uint64_t now_ms,
                                  bundle_writer_t *reply)
{
    response_t *response = &peer->response;
    uint8_t question[HASH_SIZE], finished[HASH_SIZE];

    if (!peer->code.is_held) return PEER_ERROR_REFUSED;
    if (!crypto_is_public_key(packet->body.bytes)) return PEER_ERROR_MALFORMED;
    PEER_TRY(packet_hash(packet->whole, question));
    const bool is_same = response->answer.is_alive && now_ms < response->until_ms
                         && memcmp(question, response->answer.question, HASH_SIZE) == 0;
    if (!is_same) {
        if (now_ms < response->again_at_ms) return PEER_ERROR_BUSY;
        memcpy(finished, response->finished, sizeof finished);
        crypto_wipe(response, sizeof *response);
        memcpy(response->finished, finished, sizeof finished);
        response->again_at_ms = now_ms + PSK1_INTERVAL_MS;
        PEER_TRY(respond(peer, packet));
        const initiation_t *mine = crossing(peer, packet);
        if (mine != NULL) {
            bundle_add_copy(reply, mine->packet, mine->packet_size);
            return PEER_OK;
        }
        memcpy(response->answer.question, question, HASH_SIZE);
        response->is_open = response->answer.is_alive = true;
        response->until_ms = now_ms + RESPONSE_LIVES_MS;
    }
    bundle_add_copy(reply, response->answer.packet, response->answer.packet_size);
    return PEER_OK;
}

/** Whether this key may be met in this place: not mine, not another one than the pinned. */
static peer_error_t judge_key(const peer_t *peer, const contact_t *contact,
                              const uint8_t key[KEY_SIZE])
{
    if (!crypto_is_public_key(key)) return PEER_ERROR_MALFORMED;
    if (memcmp(key, peer->static_keys.public_key, KEY_SIZE) == 0) return PEER_ERROR_REFUSED;
    if (contact == NULL) return PEER_ERROR_REFUSED;
    const bool is_other = memcmp(key, contact->record.public_key, KEY_SIZE) != 0;
    return contact->record.is_pinned && is_other ? PEER_ERROR_REFUSED : PEER_OK;
}

/** PSK2 was read: writes PSK3 and opens the session that its answer confirms. */
static peer_error_t answer_psk2(peer_t *peer, contact_t *contact, handshake_state_t *state,
                                const introduction_t *said, uint64_t now_ms)
{
    initiation_t *mine = &contact->initiation;
    uint8_t *packet = peer->plaintext; /* Nothing of PSK2's payload is needed any more. */
    size_t size = 0;

    const contact_t *holder = contact_of_key(peer, state->remote_static);
    const bool is_other_contact = holder != NULL && holder != contact;
    peer_error_t error = judge_key(peer, contact, state->remote_static);
    if (error == PEER_OK && is_other_contact) error = PEER_ERROR_REFUSED;
    if (error != PEER_OK) {
        peer->news = NEWS_KEY_CHANGED;
        meeting_end(mine);
        return error;
    }
    PEER_TRY(write_packet(state, PACKET_PSK3, said->index,
                          (slice_t){ mine->nonce, sizeof mine->nonce }, packet, &size));
    const session_t session = open_session(state, mine->own_index, said->index);
    if (!session.is_alive) return PEER_ERROR_CRYPTO;
    *contact_next(contact, said) = session;
    mine->handshake = *state;
    mine->remote = *said;
    mine->sending = PACKET_PSK3;
    memcpy(mine->packet, packet, size);
    mine->packet_size = size;
    mine->at_ms = now_ms;
    mine->interval_ms = REPEAT_MIN_MS;
    mine->give_up_at_ms = now_ms + GIVE_UP_MS;
    return PEER_OK;
}

/** Whoever answers at a new address may be paired already: then it is he who has moved. */
static contact_t *owner_of(peer_t *peer, contact_t *contact, const uint8_t key[KEY_SIZE])
{
    contact_t *holder = contact_of_key(peer, key);

    if (holder == NULL || holder == contact || contact->record.is_pinned) return contact;
    memcpy(holder->record.address, contact->record.address, sizeof holder->record.address);
    holder->send_at_ms = holder->backoff_ms = 0;
    holder->initiation = contact->initiation;
    meeting_end(&contact->initiation);
    return holder;
}

peer_error_t meeting_receive_psk2(peer_t *peer, contact_t *from, const packet_t *packet,
                                  uint64_t now_ms)
{
    initiation_t *mine = from == NULL ? NULL : &from->initiation;
    uint8_t hash[HASH_SIZE];
    size_t size = 0;
    introduction_t said;
    slice_t nonce;

    if (mine == NULL || mine->sending == 0 || packet->index != mine->own_index) {
        return PEER_ERROR_STALE;
    }
    if (!crypto_is_public_key(packet->body.bytes)) return PEER_ERROR_MALFORMED;
    PEER_TRY(packet_hash(packet->whole, hash));
    if (mine->sending == PACKET_PSK3) {
        /* The identical PSK2 gets the identical PSK3; there is no second one. */
        if (memcmp(hash, mine->answered, HASH_SIZE) != 0) return PEER_ERROR_STALE;
        mine->at_ms = now_ms;
        return PEER_OK;
    }
    if (mine->sending != PACKET_PSK1) return PEER_ERROR_STALE;
    handshake_state_t attempt = mine->handshake;
    peer_error_t error = handshake_read(&attempt, packet->body, peer->plaintext, &size);
    if (error == PEER_OK) {
        error = introduction_decode((slice_t){ peer->plaintext, size }, &said, &nonce);
    }
    if (error == PEER_OK && nonce.size != COMPARISON_NONCE_SIZE) error = PEER_ERROR_MALFORMED;
    if (error == PEER_OK) from = owner_of(peer, from, attempt.remote_static);
    if (error == PEER_OK) error = answer_psk2(peer, from, &attempt, &said, now_ms);
    if (error == PEER_OK) memcpy(from->initiation.answered, hash, HASH_SIZE);
    crypto_wipe(&attempt, sizeof attempt);
    return error;
}

static peer_error_t pin(peer_t *peer, contact_t *contact, const handshake_state_t *state,
                        const introduction_t *said)
{
    peer->met = contact;
    memcpy(contact->record.public_key, state->remote_static, KEY_SIZE);
    contact->record.is_pinned = contact->record.is_verified = true;
    PEER_TRY(contact_derive(peer, contact));
    PEER_TRY(key_check_value(state->symmetric.transcript, peer->key_check));
    PEER_TRY(contact_update(peer, contact, said));
    PEER_TRY(contact_save(peer, contact));
    peer->news = NEWS_PAIRED;
    return PEER_OK;
}

peer_error_t meeting_finish(peer_t *peer, contact_t *contact)
{
    const peer_error_t error =
        pin(peer, contact, &contact->initiation.handshake, &contact->initiation.remote);

    meeting_end(&contact->initiation);
    return error;
}

/** Another code, or somebody who guesses: only a few tries, §7. */
static peer_error_t refuse_psk3(peer_t *peer, peer_error_t error)
{
    const store_t *store = &peer->port->store;

    if (error != PEER_ERROR_UNAUTHENTICATED || peer->response.is_failed) return error;
    peer->response.is_failed = true;
    peer->code.failures++;
    if (peer->code.failures > CODE_FAILURES_MAX) {
        crypto_wipe(&peer->code, sizeof peer->code);
        peer->response.is_open = peer->response.answer.is_alive = false;
        peer->news = NEWS_CODE_SPENT;
    }
    /* What cannot be counted for good must not be tried again after a restart either. */
    const bool is_saved = peer->code.is_held
                              ? store->save(store->context, "code", &peer->code, sizeof peer->code)
                              : store->erase(store->context, "code");
    if (!is_saved) crypto_wipe(&peer->code, sizeof peer->code);
    return error;
}

/** Reads PSK3 into `state`, and checks what the initiator had committed to. */
static peer_error_t read_psk3(peer_t *peer, const packet_t *packet, handshake_state_t *state)
{
    uint8_t *payload = peer->plaintext, commit[HASH_SIZE];
    size_t size = 0;

    PEER_TRY(handshake_read(state, packet->body, payload, &size));
    if (size != COMPARISON_NONCE_SIZE) return PEER_ERROR_MALFORMED;
    PEER_TRY(comparison_commit(state->remote_static, state->remote_ephemeral, payload, commit));
    const bool is_kept = crypto_equal(commit, peer->response.commit, HASH_SIZE);
    return is_kept ? PEER_OK : PEER_ERROR_UNAUTHENTICATED;
}

static peer_error_t accept_psk3(peer_t *peer, handshake_state_t *state, uint64_t now_ms)
{
    const store_t *store = &peer->port->store;
    response_t *response = &peer->response;
    contact_t *contact = contact_of_key(peer, state->remote_static);

    if (contact == NULL) contact = contact_free(peer);
    PEER_TRY(judge_key(peer, contact, state->remote_static));
    session_t session = open_session(state, response->own_index, response->remote.index);
    if (!session.is_alive) return PEER_ERROR_CRYPTO;
    /* Used up before anything rests on it. */
    if (!store->erase(store->context, "code")) return PEER_ERROR_STORE;
    crypto_wipe(&peer->code, sizeof peer->code);
    PEER_TRY(pin(peer, contact, state, &response->remote));
    meeting_end(&contact->initiation);
    contact_promote(contact, &session, now_ms);
    contact->confirm_due = true;
    return PEER_OK;
}

peer_error_t meeting_receive_psk3(peer_t *peer, const packet_t *packet, uint64_t now_ms)
{
    response_t *response = &peer->response;
    uint8_t hash[HASH_SIZE];

    PEER_TRY(packet_hash(packet->whole, hash));
    if (packet->index != response->own_index || packet->index == 0) return PEER_ERROR_STALE;
    if (!response->is_open) {
        contact_t *contact = NULL;
        const bool is_same = memcmp(hash, response->finished, HASH_SIZE) == 0;
        if (!is_same || session_of(peer, packet->index, now_ms, &contact) == NULL) {
            return PEER_ERROR_STALE;
        }
        contact->confirm_due = true;
        return PEER_OK;
    }
    handshake_state_t attempt = response->handshake;
    peer_error_t error = read_psk3(peer, packet, &attempt);
    error = error == PEER_OK ? accept_psk3(peer, &attempt, now_ms) : refuse_psk3(peer, error);
    crypto_wipe(&attempt, sizeof attempt);
    if (error != PEER_OK) return error;
    response->is_open = response->answer.is_alive = false;
    memcpy(response->finished, hash, HASH_SIZE);
    crypto_wipe(&response->handshake, sizeof response->handshake);
    return PEER_OK;
}
