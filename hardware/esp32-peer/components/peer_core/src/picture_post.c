#include "peer/picture_post.h"

enum { RETRY_MS = 15 * 1000 };

/** The first that takes pictures. */
static contact_t *recipient(peer_t *peer)
{
    const uint32_t needed = CAPABILITY_PICTURES | CAPABILITY_LETTERS;

    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *contact = &peer->contacts[i];
        const bool takes = (contact->record.capabilities & needed) == needed;

        if (contact->record.is_pinned && takes) return contact;
    }
    return NULL;
}

peer_error_t picture_post_reading(peer_t *peer, picture_post_t *post,
                                  const measurement_t *measurement, uint64_t now_ms)
{
    const contact_t *contact = recipient(peer);
    const reading_t reading = peer_date(peer, measurement, now_ms);
    uint8_t body[LETTER_BODY_SIZE_MAX], letter[LETTER_ROOM], key[KEY_SIZE], ephemeral[KEY_SIZE];
    size_t body_size = 0, letter_size = 0;

    post->is_waiting = false;
    if (contact == NULL) return PEER_ERROR_STATE;
    const letter_id_t id = { peer->letter_epoch, peer->letter_next++ };
    PEER_TRY(senml_encode(peer->name, &reading, 1, NULL, body, sizeof body, &body_size));
    peer->port->random(peer->port->context, ephemeral, sizeof ephemeral);
    peer_error_t error = letter_write(peer, contact, ephemeral, id, CONTENT_READING,
                                      (slice_t){ body, body_size }, letter, &letter_size);
    crypto_wipe(ephemeral, sizeof ephemeral);
    if (error == PEER_OK) error = letter_image_key(peer, contact, key);
    if (error == PEER_OK) {
        error = histogram_hide(&post->work, &post->picture, (slice_t){ letter, letter_size }, key);
    }
    crypto_wipe(key, sizeof key);
    if (error != PEER_OK) return error;
    peer->letter_out = id.sequence;
    peer->is_letter_out = post->is_waiting = true;
    post->tries = 0;
    post->send_at_ms = now_ms;
    return PEER_OK;
}

contact_t *picture_post_due(peer_t *peer, picture_post_t *post, uint64_t now_ms)
{
    contact_t *contact = recipient(peer);

    if (!post->is_waiting) return NULL;
    if (!peer->is_letter_out || post->tries >= PICTURE_TRIES_MAX) {
        if (peer->is_letter_out && now_ms < post->send_at_ms) return NULL;
        if (peer->is_letter_out) peer->news = NEWS_PICTURE_LOST;
        peer->is_letter_out = post->is_waiting = false;
        return NULL;
    }
    const bool can_be_called = contact != NULL && contact->record.address[0] != '\0';
    return can_be_called && now_ms >= post->send_at_ms ? contact : NULL;
}

void picture_post_begin(picture_post_t *post, uint64_t now_ms)
{
    post->send_at_ms = now_ms + ((uint64_t)RETRY_MS << post->tries);
    post->tries++;
    png_stream_start(&post->stream, &post->picture);
}
