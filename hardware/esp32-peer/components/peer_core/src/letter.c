#include "peer/letter.h"

#include "peer/bytes.h"

static peer_error_t start(const peer_t *peer, const contact_t *contact, bool is_initiator,
                          const uint8_t ephemeral[KEY_SIZE], handshake_state_t *state)
{
    uint8_t prologue[PROLOGUE_SIZE];

    prologue_encode(PACKET_LETTER, prologue);
    return handshake_start(state,
                           &(handshake_config_t){ .pattern = PATTERN_K,
                                                  .is_initiator = is_initiator,
                                                  .prologue = { prologue, sizeof prologue },
                                                  .static_keys = &peer->static_keys,
                                                  .ephemeral_private = ephemeral,
                                                  .remote_static = contact->record.public_key });
}

peer_error_t letter_image_key(const peer_t *peer, const contact_t *contact, uint8_t key[KEY_SIZE])
{
    uint8_t shared[KEY_SIZE];

    PEER_TRY(crypto_dh(peer->static_keys.private_key, contact->record.public_key, shared));
    const peer_error_t error =
        crypto_hkdf((slice_t){ shared, KEY_SIZE }, (slice_t){ shared, 0 },
                    (slice_t){ (const uint8_t *)"sotto-image", 11 }, key, KEY_SIZE);
    crypto_wipe(shared, sizeof shared);
    return error;
}

peer_error_t letter_write(peer_t *peer, const contact_t *contact, const uint8_t ephemeral[KEY_SIZE],
                          letter_id_t id, content_type_t type, slice_t body, uint8_t *out,
                          size_t *size)
{
    plaintext_writer_t writer = { .bytes = peer->plaintext, .room = LETTER_SIZE_MAX / 16 * 16 };
    bundle_writer_t bundle = { .bytes = out, .room = LETTER_ROOM };
    handshake_state_t state;
    size_t room, noise_size = 0;
    uint8_t *packet = bundle_space(&bundle, &room);

    if (body.size > LETTER_BODY_SIZE_MAX) return PEER_ERROR_NO_ROOM;
    if (!plaintext_add_outbox(&writer, id.epoch, 0)
        || !plaintext_add_message(&writer, id.sequence, type, body)) {
        return PEER_ERROR_NO_ROOM;
    }
    plaintext_finish(&writer);
    const size_t header = header_encode(PACKET_LETTER, contact->hint_out, 0, packet);
    peer_error_t error = start(peer, contact, true, ephemeral, &state);
    if (error == PEER_OK) {
        error = handshake_write(&state, (slice_t){ writer.bytes, writer.size }, packet + header,
                                room - header, &noise_size);
    }
    crypto_wipe(&state, sizeof state);
    crypto_wipe(writer.bytes, writer.size);
    if (error != PEER_OK) return error;
    bundle_add(&bundle, header + noise_size);
    *size = bundle.size;
    return PEER_OK;
}

/** OUTBOX with the lowest sequence 0, then MESSAGE or PART, and nothing else. */
static bool belong_in_letter(slice_t payloads)
{
    payload_t payload;
    size_t count = 0;

    while (payload_next(&payloads, &payload)) {
        const bool is_first = count++ == 0;

        if (is_first && (payload.kind != PAYLOAD_OUTBOX || payload.sequence != 0)) return false;
        if (!is_first && payload.kind != PAYLOAD_MESSAGE && payload.kind != PAYLOAD_PART) return false;
    }
    return count > 1;
}

peer_error_t letter_read(const peer_t *peer, const contact_t *contact, const packet_t *packet,
                         uint8_t *plaintext, slice_t *payloads)
{
    static const uint8_t UNUSED[KEY_SIZE]; /* The reader of a one-way pattern makes no key. */
    handshake_state_t state;
    size_t size = 0;

    if (!crypto_is_public_key(packet->body.bytes)) return PEER_ERROR_MALFORMED;
    peer_error_t error = start(peer, contact, false, UNUSED, &state);
    if (error == PEER_OK) error = handshake_read(&state, packet->body, plaintext, &size);
    crypto_wipe(&state, sizeof state);
    if (error != PEER_OK) return error;
    *payloads = (slice_t){ plaintext, size };
    PEER_TRY(plaintext_unpad(payloads));
    PEER_TRY(payloads_check(*payloads));
    return belong_in_letter(*payloads) ? PEER_OK : PEER_ERROR_MALFORMED;
}
