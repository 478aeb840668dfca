#include <stdio.h>

#include "peer/bytes.h"
#include "peer/gate.h"
#include "peer_parts.h"

enum {
    STORE_NAME_SIZE = 16,
    PREVIOUS_LIVES_MS = 60 * 1000,
    BACKOFF_MIN_MS = 1000,
    BACKOFF_MAX_MS = 60 * 1000,
};

static void name_of(const peer_t *peer, const contact_t *contact, char name[STORE_NAME_SIZE])
{
    snprintf(name, STORE_NAME_SIZE, "contact%u", (unsigned)(contact - peer->contacts) % 10);
}

contact_t *contact_of_key(peer_t *peer, const uint8_t key[KEY_SIZE])
{
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *contact = &peer->contacts[i];
        const bool is_same = memcmp(contact->record.public_key, key, KEY_SIZE) == 0;
        if (contact->record.is_pinned && is_same) return contact;
    }
    return NULL;
}

contact_t *contact_free(peer_t *peer)
{
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        if (!peer->contacts[i].record.is_pinned) return &peer->contacts[i];
    }
    return NULL;
}

contact_t *contact_at(peer_t *peer, const char *address)
{
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *contact = &peer->contacts[i];
        if (contact->record.is_pinned && strcmp(contact->record.address, address) == 0) return contact;
    }
    return contact_free(peer);
}

peer_error_t contact_derive(const peer_t *peer, contact_t *contact)
{
    uint8_t shared[KEY_SIZE];

    PEER_TRY(crypto_dh(peer->static_keys.private_key, contact->record.public_key, shared));
    const peer_error_t error = gate_key(shared, contact->gate_key);
    crypto_wipe(shared, sizeof shared);
    if (error != PEER_OK) return error;
    PEER_TRY(gate_hint(contact->gate_key, peer->static_keys.public_key, &contact->hint_out));
    return gate_hint(contact->gate_key, contact->record.public_key, &contact->hint_in);
}

peer_error_t contact_load(peer_t *peer, contact_t *contact)
{
    const store_t *store = &peer->port->store;
    const char letter = (char)('a' + (contact - peer->contacts));
    uint64_t epoch;
    char name[STORE_NAME_SIZE];

    name_of(peer, contact, name);
    contact_record_t *record = &contact->record;
    if (!store->load(store->context, name, record, sizeof *record)) memset(record, 0, sizeof *record);
    record->name[NAME_SIZE_MAX] = '\0';
    record->address[ADDRESS_SIZE_MAX] = '\0';
    if (record->is_pinned) PEER_TRY(contact_derive(peer, contact));
    peer->port->random(peer->port->context, (uint8_t *)&epoch, sizeof epoch);
    inbox_start(&contact->inbox, store, letter);
    return outbox_start(&contact->outbox, store, letter, epoch);
}

peer_error_t contact_save(const peer_t *peer, const contact_t *contact)
{
    const store_t *store = &peer->port->store;
    char name[STORE_NAME_SIZE];

    name_of(peer, contact, name);
    const bool is_saved =
        store->save(store->context, name, &contact->record, sizeof contact->record);
    return is_saved ? PEER_OK : PEER_ERROR_STORE;
}

peer_error_t contact_update(const peer_t *peer, contact_t *contact, const introduction_t *said)
{
    const contact_record_t before = contact->record;
    contact_record_t *record = &contact->record;

    record->capabilities = said->capabilities;
    record->max_frame = said->max_frame;
    if (said->name[0] != '\0') memcpy(record->name, said->name, sizeof record->name);
    /* Who says no address keeps the one that it was reached at. */
    if (said->address[0] != '\0') memcpy(record->address, said->address, sizeof record->address);
    if (memcmp(record, &before, sizeof before) == 0) return PEER_OK;
    return contact_save(peer, contact);
}

static bool is_used(const peer_t *peer, uint32_t index)
{
    if (index == 0 || index == peer->response.own_index) return true;
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        const contact_t *contact = &peer->contacts[i];

        if (contact->current.own_index == index || contact->previous.own_index == index) return true;
        if (contact->initiation.own_index == index) return true;
        for (size_t n = 0; n < PEER_NEXT_SESSIONS; n++) {
            if (contact->next[n].own_index == index) return true;
        }
    }
    return false;
}

uint32_t fresh_index(const peer_t *peer)
{
    uint32_t index = 0;

    while (is_used(peer, index)) {
        peer->port->random(peer->port->context, (uint8_t *)&index, sizeof index);
    }
    return index;
}

static bool is_named(const session_t *session, uint32_t index)
{
    return session->is_alive && session->own_index == index;
}

session_t *session_of(peer_t *peer, uint32_t index, uint64_t now_ms, contact_t **contact)
{
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *candidate = *contact = &peer->contacts[i];

        if (candidate->previous.is_alive && now_ms >= candidate->previous_until_ms) {
            session_wipe(&candidate->previous);
        }
        if (is_named(&candidate->current, index)) return &candidate->current;
        if (is_named(&candidate->previous, index)) return &candidate->previous;
        for (size_t n = 0; n < PEER_NEXT_SESSIONS; n++) {
            if (is_named(&candidate->next[n], index)) return &candidate->next[n];
        }
    }
    *contact = NULL;
    return NULL;
}

void contact_promote(contact_t *contact, session_t *session, uint64_t now_ms)
{
    session_wipe(&contact->previous);
    contact->previous = contact->current;
    contact->previous_until_ms = now_ms + PREVIOUS_LIVES_MS;
    contact->current = *session;
    contact->current.promoted_at_ms = now_ms;
    session_wipe(session);
    contact->is_wanted = false;
    contact->refusal = STATUS_NONE;
    contact->send_at_ms = contact->backoff_ms = 0;
}

session_t open_session(const handshake_state_t *state, uint32_t own_index,
                              uint32_t remote_index)
{
    session_t session = { .is_alive = true,
                          .is_initiator = state->is_initiator,
                          .own_index = own_index,
                          .remote_index = remote_index };

    if (handshake_split(state, session.sending, session.receiving) != PEER_OK) {
        session_wipe(&session);
    }
    return session;
}

session_t *contact_next(contact_t *contact, const introduction_t *said)
{
    session_wipe(&contact->next[PEER_NEXT_SESSIONS - 1]);
    for (size_t n = PEER_NEXT_SESSIONS - 1; n > 0; n--) {
        contact->next[n] = contact->next[n - 1];
        contact->introduced[n] = contact->introduced[n - 1];
    }
    memset(&contact->next[0], 0, sizeof contact->next[0]);
    contact->introduced[0] = *said;
    return &contact->next[0];
}

void contact_wait(const peer_t *peer, contact_t *contact, uint64_t now_ms)
{
    uint8_t jitter;

    peer->port->random(peer->port->context, &jitter, 1);
    contact->backoff_ms *= 2;
    if (contact->backoff_ms < BACKOFF_MIN_MS) contact->backoff_ms = BACKOFF_MIN_MS;
    if (contact->backoff_ms > BACKOFF_MAX_MS) contact->backoff_ms = BACKOFF_MAX_MS;
    contact->send_at_ms = now_ms + contact->backoff_ms + contact->backoff_ms * jitter / 1024;
}

introduction_t own_introduction(const peer_t *peer, uint32_t index)
{
    introduction_t introduction = { .index = index,
                                    .capabilities = CAPABILITY_TIME | CAPABILITY_PARTS
                                                    | CAPABILITY_LETTERS,
                                    .max_frame = PEER_MAX_FRAME };

    memcpy(introduction.name, peer->name, sizeof introduction.name);
    memcpy(introduction.address, peer->address, sizeof introduction.address);
    return introduction;
}
