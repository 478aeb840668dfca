/*
 * Goal: letters are written and read to the byte as PROTOCOL §9 says; one that comes is shown once,
 * whenever the power goes, and its sender hears of it.
 * Method: the vectors that the other two implementations meet; a window against a list of all that
 * was seen; two paired peers, a store that fails, restarts.
 */
#include "two_peers.h"

#include "peer/bytes.h"
#include "peer/letter.h"
#include "peer/letter_box.h"
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
        uint8_t opened[8192], out[LETTER_ROOM];
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

/** The window, against the list of all that was ever seen. */
static void test_window(void)
{
    enum { SEQUENCES = 8192 };
    static bool seen[SEQUENCES];

    for (int round = 0; round < 200; round++) {
        letter_window_t window = { 0 };
        uint64_t largest = 0;
        bool is_used = false;

        memset(seen, 0, sizeof seen);
        for (int i = 0; i < 400; i++) {
            /* Mostly around the edges: the largest, and 1,024 below it. */
            const uint64_t around = random_below(2) == 0 ? largest : largest - LETTER_WINDOW_SIZE;
            uint64_t sequence = random_below(4) == 0 ? random_below(SEQUENCES) : around + random_below(5) - 2;
            if (sequence >= SEQUENCES) sequence = random_below(8);
            const bool is_old = is_used && sequence < largest && largest - sequence > LETTER_WINDOW_SIZE;
            const bool is_fresh = letter_window_is_fresh(&window, sequence);

            CHECK(is_fresh == (!is_old && !seen[sequence]), "as the list says");
            if (!is_fresh) continue;
            letter_window_add(&window, sequence);
            seen[sequence] = is_used = true;
            if (sequence > largest) largest = sequence;
        }
    }
    letter_window_t last = { 0 };
    CHECK(letter_window_is_fresh(&last, UINT64_MAX), "the last of all");
    letter_window_add(&last, UINT64_MAX);
    CHECK(!letter_window_is_fresh(&last, UINT64_MAX) && letter_window_is_fresh(&last, UINT64_MAX - 1), "");
}

static uint8_t bundle[LETTER_ROOM];
static size_t bundle_size;

/** A letter from a to b; a waits for its acknowledgement. */
static void write_letter(uint64_t sequence, content_type_t type, const char *text)
{
    uint8_t ephemeral[KEY_SIZE];

    random_bytes(NULL, ephemeral, sizeof ephemeral);
    CHECK(letter_write(&a.peer, &a.peer.contacts[0], ephemeral,
                       (letter_id_t){ a.peer.letter_epoch, sequence }, type,
                       (slice_t){ (const uint8_t *)text, strlen(text) }, bundle, &bundle_size) == PEER_OK, text);
    a.peer.letter_out = sequence;
    a.peer.is_letter_out = true;
}

/** Somebody brings it to b. */
static void bring(void)
{
    uint8_t back[PEER_BUNDLE_SIZE_MAX];
    size_t size = 0;

    CHECK(peer_receive(&b.peer, (slice_t){ bundle, bundle_size }, now_ms, back, sizeof back, &size) == PEER_OK,
          "framed");
}

static uint32_t refused(peer_error_t why)
{
    const uint32_t count = b.peer.refusals[why];

    memset(b.peer.refusals, 0, sizeof b.peer.refusals);
    return count;
}

static void test_arrival(void)
{
    begin();
    pair();
    CHECK((a.peer.contacts[0].record.capabilities & CAPABILITY_LETTERS) != 0, "it says that it takes them");
    write_letter(5, CONTENT_TEXT, "by pigeon");
    bring();
    CHECK(peer_take_news(&b.peer) == NEWS_TEXT, "it is told");
    run(1000, NULL);
    CHECK(!a.peer.is_letter_out && peer_take_news(&a.peer) == NEWS_PICTURE_TAKEN, "and the sender hears of it");
    CHECK(b.peer.contacts[0].letter_acks == 0, "nothing is owed any more");
    a.peer.is_letter_out = true;
    bring();
    CHECK(refused(PEER_ERROR_REPLAYED) == 1 && inbox_count(&b.peer.contacts[0].inbox) == 1, "once");
    run(1000, NULL);
    CHECK(!a.peer.is_letter_out, "a repeat is acknowledged again");
    bundle[bundle_size - 1] ^= 1;
    now_ms += 10000;
    bring();
    CHECK(refused(PEER_ERROR_UNAUTHENTICATED) == 1, "a letter that was changed");
    check_text(&b, "by pigeon");
    bundle[bundle_size - 1] ^= 1;
    start(&b);
    bring();
    CHECK(refused(PEER_ERROR_REPLAYED) == 1 && !has_text(&b), "nor after it was opened and the power went");
    run(2000, NULL);
    CHECK(b.peer.contacts[0].letter_acks == 0, "for which it met anew by itself");
    write_letter(6, CONTENT_READING, "what a device does not take");
    bring();
    CHECK(outbox_count(&b.peer.contacts[0].outbox) == 1 && b.peer.contacts[0].letter_acks == 1, "it is told of");
}

/** It is kept, but not that it was seen: then it is not shown, and the repeat is the same one. */
static void test_not_noted(void)
{
    begin();
    pair();
    write_letter(0, CONTENT_TEXT, "once");
    b.memory.is_failing = true;
    b.memory.fails_at = "letter";
    for (int times = 0; times < 2; times++) bring();
    CHECK(refused(PEER_ERROR_STORE) == 2 && b.peer.contacts[0].letter_acks == 0, "not acknowledged");
    CHECK(!has_text(&b) && inbox_count(&b.peer.contacts[0].inbox) == 1, "kept once, unseen");
    b.memory.is_failing = false;
    bring();
    CHECK(b.peer.contacts[0].letter_acks == 1, "noted");
    check_text(&b, "once");
    bring();
    CHECK(refused(PEER_ERROR_REPLAYED) == 1 && !has_text(&b), "once");
}

static void test_power_cut(void)
{
    begin();
    pair();
    write_letter(0, CONTENT_TEXT, "kept");
    b.memory.is_failing = true;
    bring();
    CHECK(refused(PEER_ERROR_STORE) == 1 && b.peer.contacts[0].letter_acks == 0, "not kept, not acknowledged");
    CHECK(!has_text(&b), "nor shown");
    b.memory.is_failing = false;
    bring();
    CHECK(b.peer.contacts[0].letter_acks == 1, "kept");
    /* As if the power had gone before it was noted as seen. */
    CHECK(erase(&b.memory, "a.letter0"), "erased");
    start(&b);
    bring();
    CHECK(refused(PEER_ERROR_REPLAYED) == 1 && inbox_count(&b.peer.contacts[0].inbox) == 1, "still once");
    check_text(&b, "kept");
    for (uint64_t i = 1; i <= 20; i++) {
        write_letter(i, CONTENT_TEXT, "many");
        bring();
    }
    CHECK(inbox_count(&b.peer.contacts[0].inbox) == INBOX_TEXTS, "no more than there are places");
    CHECK(refused(PEER_ERROR_BUSY) == 20 - INBOX_TEXTS, "the others are busy's");
    CHECK(peer_factory_reset(&b.peer) == PEER_OK && find(&b.memory, "a.letter0") < 0, "forgotten");
}

/** The vectors, as they come over the link; the file's parts are in one packet. */
static void test_vectors(void)
{
    begin();
    pair();
    contact_t *from = &b.peer.contacts[0];
    memcpy(b.peer.static_keys.private_key, unhex(vectors_letter_receiver_private).data, KEY_SIZE);
    CHECK(crypto_public_key(&b.peer.static_keys) == PEER_OK, "key");
    memcpy(from->record.public_key, unhex(vectors_letter_sender_public).data, KEY_SIZE);
    from->hint_in = (uint32_t)strtoul(vectors_letter_hint, NULL, 10);
    for (size_t i = 0; i < COUNT(vectors_letter_letters); i++) {
        const blob_t whole = unhex(vectors_letter_letters[i].packet);
        const char *note = vectors_letter_letters[i].note;
        uint8_t framed[2 + 8192], back[PEER_BUNDLE_SIZE_MAX];
        size_t size = 0;

        now_ms += 10000;
        put_u16(framed, (uint16_t)whole.size);
        memcpy(framed + 2, whole.data, whole.size);
        from->letter_acks = 0;
        memset(from->inbox.texts, 0, sizeof from->inbox.texts);
        CHECK(peer_receive(&b.peer, (slice_t){ framed, 2 + whole.size }, now_ms, back, sizeof back, &size)
                  == PEER_OK, note);
        const bool is_text = strcmp(note, "a text") == 0;
        CHECK(from->letter_acks == (is_text ? 1 : 2), note);
        CHECK(inbox_count(&from->inbox) == (is_text ? 1 : 0), note);
        CHECK(outbox_count(&from->outbox) == (is_text ? 0 : 1), "a file is told of, once");
    }
}

int main(void)
{
    CHECK(crypto_start() == PEER_OK, "start");
    test_letters();
    test_window();
    test_arrival();
    test_not_noted();
    test_power_cut();
    test_vectors();
    puts("letter: ok");
    return 0;
}
