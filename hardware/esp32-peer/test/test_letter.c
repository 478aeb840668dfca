/*
 * Goal: letters are written and read to the byte as PROTOCOL §9 says.
 * Method: the vectors that the other two implementations meet.
 */
#include "check.h"
#include "peer/letter.h"
#include "vectors.h"

static void test_letters(void)
{
    static peer_t sender, receiver;
    contact_t *to = &sender.contacts[0], *from = &receiver.contacts[0];
    const blob_t ephemeral = unhex(vectors_letter_ephemeral_private);

    memcpy(sender.static_keys.private_key, unhex(vectors_letter_sender_private).data, KEY_SIZE);
    memcpy(receiver.static_keys.private_key, unhex(vectors_letter_receiver_private).data, KEY_SIZE);
    CHECK(crypto_public_key(&sender.static_keys) == PEER_OK, "key");
    CHECK(crypto_public_key(&receiver.static_keys) == PEER_OK, "key");
    memcpy(to->record.public_key, receiver.static_keys.public_key, KEY_SIZE);
    memcpy(from->record.public_key, sender.static_keys.public_key, KEY_SIZE);
    to->hint_out = (uint32_t)strtoul(vectors_letter_hint, NULL, 10);
    uint8_t key[KEY_SIZE];
    CHECK(letter_image_key(&sender, to, key) == PEER_OK, "image key");
    CHECK(memcmp(key, unhex(vectors_letter_image_key).data, KEY_SIZE) == 0, "image key");

    for (size_t i = 0; i < COUNT(vectors_letter_letters); i++) {
        const char *note = vectors_letter_letters[i].note;
        const blob_t whole = unhex(vectors_letter_letters[i].packet);
        const blob_t plain = unhex(vectors_letter_letters[i].plaintext);
        slice_t payloads = { plain.data, plain.size }, rest = payloads, read;
        uint8_t opened[8192], out[LETTER_SIZE_MAX];
        payload_t outbox, message;
        packet_t packet;
        size_t size = 0;

        CHECK(packet_decode((slice_t){ whole.data, whole.size }, &packet) == PEER_OK, note);
        CHECK(letter_read(&receiver, from, &packet, opened, &read) == PEER_OK, note);
        CHECK(plaintext_unpad(&rest) == PEER_OK && read.size == rest.size, note);
        CHECK(memcmp(read.bytes, rest.bytes, rest.size) == 0, note);
        CHECK(letter_read(&sender, to, &packet, opened, &read) == PEER_ERROR_UNAUTHENTICATED, note);
        /* What this device writes is one message. */
        CHECK(payload_next(&rest, &outbox) && payload_next(&rest, &message), note);
        if (rest.size > 0 || message.kind != PAYLOAD_MESSAGE) continue;
        const slice_t body = { message.bytes.bytes + 1, message.bytes.size - 1 };
        CHECK(letter_write(&sender, to, ephemeral.data, (letter_id_t){ outbox.epoch, message.sequence },
                           (content_type_t)message.bytes.bytes[0], body, out, &size) == PEER_OK, note);
        CHECK(size == 2 + whole.size && memcmp(out + 2, whole.data, whole.size) == 0, note);
    }
    for (size_t i = 0; i < COUNT(vectors_letter_refused); i++) {
        const blob_t whole = unhex(vectors_letter_refused[i].packet);
        uint8_t opened[8192];
        slice_t read;
        packet_t packet;

        CHECK(packet_decode((slice_t){ whole.data, whole.size }, &packet) == PEER_OK, "packet");
        CHECK(letter_read(&receiver, from, &packet, opened, &read) == PEER_ERROR_MALFORMED,
              vectors_letter_refused[i].note);
    }
}

int main(void)
{
    CHECK(crypto_start() == PEER_OK, "start");
    test_letters();
    puts("letter: ok");
    return 0;
}
