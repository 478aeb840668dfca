#include "peer/peer.h"

#include <string.h>

#include "peer/letter_box.h"
#include "peer/wifi_settings.h"
#include "peer_parts.h"

enum { TIME_INTERVAL_MS = 1000 };

/** What is measured before anybody is paired waits for the first. */
static bool takes_readings(const peer_t *peer, const contact_t *contact)
{
    return contact->record.is_pinned || (contact == &peer->contacts[0] && peer_paired(peer) == 0);
}

/** What a contact had is gone from memory and store, as if it had never been met. */
static peer_error_t forget(peer_t *peer, contact_t *contact)
{
    uint64_t epoch;

    peer->port->random(peer->port->context, (uint8_t *)&epoch, sizeof epoch);
    PEER_TRY(outbox_reset(&contact->outbox, epoch));
    PEER_TRY(inbox_reset(&contact->inbox));
    if (!letter_box_reset(peer, contact)) return PEER_ERROR_STORE;
    crypto_wipe(&contact->record, sizeof contact->record);
    PEER_TRY(contact_save(peer, contact));
    crypto_wipe(contact, sizeof *contact);
    return contact_load(peer, contact);
}

static peer_error_t load_identity(peer_t *peer)
{
    const store_t *store = &peer->port->store;
    key_pair_t *keys = &peer->static_keys;

    if (!store->load(store->context, "identity", keys->private_key, KEY_SIZE)) {
        peer->port->random(peer->port->context, keys->private_key, KEY_SIZE);
        if (!store->save(store->context, "identity", keys->private_key, KEY_SIZE)) {
            return PEER_ERROR_STORE;
        }
    }
    return crypto_public_key(keys);
}

peer_error_t peer_start(peer_t *peer, const peer_port_t *port, const char *name,
                        const char *address)
{
    const size_t name_size = strlen(name), address_size = strlen(address);

    memset(peer, 0, sizeof *peer);
    if (name_size == 0 || name_size > NAME_SIZE_MAX || address_size > ADDRESS_SIZE_MAX) {
        return PEER_ERROR_MALFORMED;
    }
    peer->port = port;
    memcpy(peer->name, name, name_size);
    memcpy(peer->address, address, address_size);
    peer->time_interval_ms = TIME_INTERVAL_MS;
    PEER_TRY(load_identity(peer));
    port->random(port->context, (uint8_t *)&peer->letter_epoch, sizeof peer->letter_epoch);
    if (!port->store.load(port->store.context, "code", &peer->code, sizeof peer->code)) {
        memset(&peer->code, 0, sizeof peer->code);
    }
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        PEER_TRY(contact_load(peer, &peer->contacts[i]));
        letter_box_start(peer, &peer->contacts[i]);
    }
    return PEER_OK;
}

peer_error_t peer_factory_reset(peer_t *peer)
{
    const store_t *store = &peer->port->store;

    for (size_t i = 0; i < PEER_CONTACTS; i++) PEER_TRY(forget(peer, &peer->contacts[i]));
    if (!store->erase(store->context, "code") || !store->erase(store->context, "identity")
        || !wifi_settings_forget(store)) {
        return PEER_ERROR_STORE;
    }
    /* Names are read again from here, so they must not be wiped with the rest. */
    char name[NAME_SIZE_MAX + 1], address[ADDRESS_SIZE_MAX + 1];
    const peer_port_t *port = peer->port;
    memcpy(name, peer->name, sizeof name);
    memcpy(address, peer->address, sizeof address);
    crypto_wipe(peer, sizeof *peer);
    return peer_start(peer, port, name, address);
}

peer_error_t peer_forget(peer_t *peer, const char *name)
{
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *contact = &peer->contacts[i];

        if (!contact->record.is_pinned || strcmp(contact->record.name, name) != 0) continue;
        if (peer->assembly.contact == contact) crypto_wipe(&peer->assembly, sizeof peer->assembly);
        return forget(peer, contact);
    }
    return PEER_ERROR_STATE;
}

size_t peer_paired(const peer_t *peer)
{
    size_t count = 0;

    for (size_t i = 0; i < PEER_CONTACTS; i++) count += peer->contacts[i].record.is_pinned ? 1 : 0;
    return count;
}

static peer_error_t hold(peer_t *peer, const uint8_t secret[PAIRING_SECRET_SIZE])
{
    const store_t *store = &peer->port->store;
    held_code_t code = { .is_held = true };

    memcpy(code.secret, secret, sizeof code.secret);
    if (!store->save(store->context, "code", &code, sizeof code)) return PEER_ERROR_STORE;
    peer->code = code;
    crypto_wipe(&peer->response, sizeof peer->response);
    crypto_wipe(&code, sizeof code);
    return PEER_OK;
}

peer_error_t peer_make_code(peer_t *peer, char text[PAIRING_TEXT_SIZE + 1])
{
    uint8_t secret[PAIRING_SECRET_SIZE];

    peer->port->random(peer->port->context, secret, sizeof secret);
    peer_error_t error = pairing_code_encode(secret, text);
    if (error == PEER_OK) error = hold(peer, secret);
    crypto_wipe(secret, sizeof secret);
    return error;
}

peer_error_t peer_hold_code(peer_t *peer, const char *text)
{
    uint8_t secret[PAIRING_SECRET_SIZE];

    PEER_TRY(pairing_code_decode(text, secret));
    const peer_error_t error = hold(peer, secret);
    crypto_wipe(secret, sizeof secret);
    return error;
}

peer_error_t peer_use_code(peer_t *peer, const char *text, const char *address, uint64_t now_ms)
{
    const size_t size = strlen(address);
    uint8_t secret[PAIRING_SECRET_SIZE];
    contact_t *contact = contact_at(peer, address);

    if (!is_address((slice_t){ (const uint8_t *)address, size }) || size > ADDRESS_SIZE_MAX) {
        return PEER_ERROR_MALFORMED;
    }
    PEER_TRY(pairing_code_decode(text, secret));
    if (contact == NULL) return PEER_ERROR_NO_ROOM;
    memset(contact->record.address, 0, sizeof contact->record.address);
    memcpy(contact->record.address, address, size);
    contact->send_at_ms = contact->backoff_ms = 0;
    const peer_error_t error = meeting_start_code(peer, contact, secret, now_ms);
    crypto_wipe(secret, sizeof secret);
    return error;
}

peer_error_t peer_send_keys(peer_t *peer, uint64_t now_ms)
{
    peer_error_t error = PEER_ERROR_STATE;

    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *contact = &peer->contacts[i];

        if (!contact->record.is_pinned || contact->initiation.sending == PACKET_PSK3) continue;
        contact->refusal = STATUS_NONE;
        contact->is_wanted = true;
        contact->send_at_ms = contact->backoff_ms = 0;
        error = renewal_start(peer, contact, now_ms);
    }
    return error;
}

reading_t peer_date(peer_t *peer, const measurement_t *measurement, uint64_t now_ms)
{
    const uint64_t unix_ms = device_clock_unix_ms(&peer->clock, now_ms);
    uint64_t time_ms = unix_ms != 0 ? unix_ms : now_ms;
    /* A whole second is four bytes shorter, and exact enough where there is one a second at most. The
       first may follow one of before the start within that second, and must not get its time. */
    const bool is_dense = peer->measured_at_ms == 0 || now_ms - peer->measured_at_ms < 1000;

    if (!is_dense) time_ms -= time_ms % 1000;
    peer->measured_at_ms = now_ms;
    return (reading_t){ .time_ms = time_ms, .is_unsure = unix_ms == 0, .measurement = *measurement };
}

peer_error_t peer_add_reading(peer_t *peer, const measurement_t *measurement, uint64_t now_ms)
{
    if (measurement->present == 0) return PEER_OK;
    const reading_t reading = peer_date(peer, measurement, now_ms);
    peer_error_t error = PEER_OK;

    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *contact = &peer->contacts[i];

        if (!takes_readings(peer, contact)) continue;
        const peer_error_t refusal = outbox_add_reading(&contact->outbox, &reading);
        if (refusal != PEER_OK) error = refusal;
    }
    return error;
}

void peer_lose_readings(peer_t *peer, uint32_t count)
{
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *contact = &peer->contacts[i];

        if (takes_readings(peer, contact)) contact->outbox.dropped += count;
    }
}

peer_error_t peer_send_text(peer_t *peer, const char *to, const char *text)
{
    if (to == NULL && peer_paired(peer) > 1) return PEER_ERROR_REFUSED;
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *contact = &peer->contacts[i];
        const bool is_meant = to == NULL || strcmp(to, contact->record.name) == 0;

        if (contact->record.is_pinned && is_meant) return outbox_add_text(&contact->outbox, text);
    }
    return PEER_ERROR_STATE;
}

inbox_text_t *peer_oldest_text(peer_t *peer, contact_t **from)
{
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        inbox_text_t *text = inbox_oldest(&peer->contacts[i].inbox);

        *from = &peer->contacts[i];
        if (text != NULL) return text;
    }
    return NULL;
}

bool peer_synchronise(peer_t *peer, uint64_t unix_ms, uint64_t now_ms)
{
    if (!device_clock_synchronise(&peer->clock, unix_ms, now_ms)) return false;
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        peer->contacts[i].time_due = true;
        peer->contacts[i].time_event = 1;
    }
    return true;
}

peer_news_t peer_take_news(peer_t *peer)
{
    const peer_news_t news = peer->news;

    peer->news = NEWS_NONE;
    return news;
}
