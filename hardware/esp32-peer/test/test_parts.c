/*
 * Goal: what comes in parts is shown whole and once, in whatever order they come and whatever
 * becomes of the power meanwhile; what is too large is taken off the line and told of.
 * Method: two paired peers; the test seals the parts of one of them itself.
 */
#include "two_peers.h"

#include "peer/bytes.h"
#include "peer/payload.h"

static char text[PEER_CONTENT_SIZE_MAX + 1000];

/** One part of `text`, from a to b, in a packet of its own. */
static void send_part(uint64_t first, uint32_t index, uint32_t count, size_t size, size_t slice_size)
{
    session_t *session = &a.peer.contacts[0].current;
    uint8_t plaintext[PEER_MAX_FRAME], bundle[2 + PEER_MAX_FRAME], back[PEER_BUNDLE_SIZE_MAX], head[16];
    plaintext_writer_t writer = { .bytes = plaintext, .room = session_room(PEER_MAX_FRAME) };
    const size_t at = index * slice_size, left = size - at;
    const slice_t slice = { (const uint8_t *)text + at, index + 1 == count ? left : slice_size };
    const slice_t pieces[] = { { head, sizeof head }, slice };
    size_t back_size = 0;

    put_u64(head, first + index);
    put_u32(head + 8, index);
    put_u32(head + 12, count);
    CHECK(plaintext_add_outbox(&writer, 77, first), "outbox");
    CHECK(plaintext_add(&writer, PAYLOAD_PART, pieces, 2), "part");
    plaintext_finish(&writer);
    CHECK(session_seal(session, (slice_t){ plaintext, writer.size }, bundle + 2) == PEER_OK, "seal");
    put_u16(bundle, (uint16_t)(writer.size + TRANSPORT_OVERHEAD));
    CHECK(peer_receive(&b.peer, (slice_t){ bundle, 2 + writer.size + TRANSPORT_OVERHEAD }, now_ms, back,
                       sizeof back, &back_size) == PEER_OK, "framed");
}

static inbox_epoch_t *window(void)
{
    return inbox_epoch(&b.peer.contacts[0].inbox, 77);
}

/** Opens the one text that waits, and compares it with the content but for its first byte. */
static void check_whole(size_t size)
{
    contact_t *from = NULL;
    inbox_text_t *head = peer_oldest_text(&b.peer, &from);
    size_t at = 1;

    CHECK(head != NULL, "it waits");
    for (const inbox_text_t *piece = head; piece != NULL; piece = inbox_rest(&from->inbox, piece)) {
        CHECK(at + piece->size <= size && memcmp(piece->text, text + at, piece->size) == 0, "piece");
        at += piece->size;
    }
    CHECK(at == size, "all of it");
    CHECK(inbox_remove(&from->inbox, head) == PEER_OK, "remove");
    CHECK(inbox_count(&from->inbox) == 0 && !has_text(&b), "and once");
}

static void begin_paired(void)
{
    begin();
    pair();
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)('a' + i * i % 26);
    text[0] = CONTENT_TEXT;
}

static void test_any_order(void)
{
    static const uint32_t ORDERS[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 3, 0, 2, 1 }, { 1, 3, 0, 2 } };

    begin_paired();
    for (uint64_t round = 0; round < COUNT(ORDERS); round++) {
        const uint64_t first = 4 * round;

        for (int i = 0; i < 4; i++) {
            CHECK(!has_text(&b) && window()->window.next == first, "nothing before it is whole");
            send_part(first, ORDERS[round][i], 4, 3900, 1200);
        }
        CHECK(window()->window.next == first + 4, "all are marked");
        for (uint32_t i = 0; i < 4; i++) send_part(first, i, 4, 3900, 1200); /* Repeats. */
        check_whole(3900);
    }
    send_part(16, 0, 1, 100, 100);
    check_whole(100);
}

static void test_power(void)
{
    begin_paired();
    send_part(0, 0, 3, 2500, 1000);
    send_part(0, 2, 3, 2500, 1000);
    const session_t session = b.peer.contacts[0].current;
    start(&b);
    b.peer.contacts[0].current = session;
    send_part(0, 1, 3, 2500, 1000);
    CHECK(!has_text(&b), "what was in memory is gone");
    b.memory.is_failing = true;
    for (uint32_t i = 0; i < 3; i++) send_part(0, i, 3, 2500, 1000);
    CHECK(!has_text(&b) && window()->window.next == 0, "what cannot be stored is not acknowledged");
    b.memory.is_failing = false;
    for (uint32_t i = 0; i < 3; i++) send_part(0, i, 3, 2500, 1000);
    start(&b);
    CHECK(window()->window.next == 3, "a restart knows them");
    check_whole(2500);
    start(&b);
    CHECK(!has_text(&b), "for good");
}

static void test_refusals(void)
{
    begin_paired();
    send_part(0, 0, 5, 5000, 1200); /* 4,800 and more. */
    CHECK(window()->window.next == 1, "too large: acknowledged");
    CHECK(outbox_count(&b.peer.contacts[0].outbox) == 1, "and told of, once");
    for (uint32_t i = 1; i < 4; i++) send_part(0, i, 5, 5000, 1200);
    CHECK(outbox_count(&b.peer.contacts[0].outbox) == 1, "once");
    send_part(100, 0, PEER_PARTS_MAX + 1, 4000, 256);
    CHECK(outbox_count(&b.peer.contacts[0].outbox) == 2, "too many");
    send_part(200, 0, 3, 3000, 1000);
    send_part(200, 1, 2, 2000, 1000);
    send_part(200, 2, 3, 3000, 900);
    send_part(200, 1, 3, 3000, 1100);
    CHECK(!has_text(&b) && window()->window.next <= 200, "contradictions");
    text[2500] = (char)0xFF;
    for (uint32_t i = 0; i < 3; i++) send_part(200, i, 3, 3000, 1000);
    CHECK(!has_text(&b) && outbox_count(&b.peer.contacts[0].outbox) == 3, "no UTF-8");
    /* A full inbox keeps it waiting, and loses nothing. */
    begin_paired();
    for (int i = 0; i < 2; i++) {
        CHECK(peer_send_text(&a.peer, NULL, "short") == PEER_OK, "queued");
        run(500, NULL);
    }
    for (uint32_t i = 0; i < 3; i++) send_part(0, i, 3, 3000, 1000);
    CHECK(window()->window.next == 0, "three places are needed, two are free");
    check_text(&b, "short");
    check_text(&b, "short");
    for (uint32_t i = 0; i < 3; i++) send_part(0, i, 3, 3000, 1000);
    check_whole(3000);
}

/** What FIRMWARE's figures are about: a session, and what waits for it. */
static void test_memory(void)
{
    const size_t ring = sizeof a.peer.contacts[0].outbox.slots, texts = sizeof a.peer.contacts[0].inbox.texts;
    const size_t session = sizeof(contact_t) - ring - texts;

    CHECK(session <= 8192, "8 KB a session");
    printf("memory: ok, a session takes %zu bytes of %zu a contact; %zu are waiting readings, %zu texts; "
           "a peer takes %zu\n", session, sizeof(contact_t), ring, texts, sizeof(peer_t));
}

int main(void)
{
    CHECK(crypto_start() == PEER_OK, "start");
    test_any_order();
    test_power();
    test_refusals();
    test_memory();
    puts("parts: ok");
    return 0;
}
