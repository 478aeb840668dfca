/*
 * Goal: a store that fails for a while, and power that goes at any moment, make nothing arrive twice,
 * and lose no reading without counting it.
 * Method: two paired peers whose stores fail at a value's name; restarts from what was stored.
 */
#include "two_peers.h"

static const measurement_t MEASUREMENT = { 1u << VALUE_TEMP_BMP, { 2508 } };

static void begin_paired(void)
{
    begin();
    pair();
}

static inbox_t *inbox_of(side_t *side)
{
    return &side->peer.contacts[0].inbox;
}

/** The text is kept, its ids cannot be: it is not acknowledged, not shown, and comes again. */
static void test_ids_cannot_be_kept(void)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        begin_paired();
        b.memory.is_failing = true;
        b.memory.fails_at = "epoch";
        CHECK(peer_send_text(&a.peer, NULL, "once") == PEER_OK, "queued");
        run(3000, NULL);
        CHECK(outbox_count(&a.peer.contacts[0].outbox) == 1, "not acknowledged");
        CHECK(inbox_count(inbox_of(&b)) == 1 && !has_text(&b), "kept once, however often it came; unseen");
        b.memory.is_failing = false;
        if (restarts == 1) start(&b);
        CHECK(has_text(&b) == (restarts == 1), "at a start the text itself says what was seen");
        run(70000, NULL);
        CHECK(outbox_count(&a.peer.contacts[0].outbox) == 0, "acknowledged");
        check_text(&b, "once");
        CHECK(!has_text(&b) && inbox_count(inbox_of(&b)) == 0, "no second one");
        start(&b);
        CHECK(inbox_count(inbox_of(&b)) == 0, "nor after a restart");
        run(70000, NULL);
        CHECK(!has_text(&b), "nor from the sender");
    }
}

/** Of three pieces the last to be stored, its beginning, is refused: nothing of it stays. */
static void test_half_a_text(void)
{
    static uint8_t text[2500];
    inbox_epoch_t *epoch;

    memset(text, 'x', sizeof text);
    begin_paired();
    epoch = inbox_epoch(inbox_of(&b), 7);
    b.memory.is_failing = true;
    b.memory.fails_at = "inbox1"; /* Places are taken from the end. */
    const slice_t whole = { text, sizeof text };
    CHECK(inbox_add_text(inbox_of(&b), epoch, 0, 1, whole) == PEER_ERROR_STORE, "refused");
    CHECK(inbox_count(inbox_of(&b)) == 0, "nothing stays");
    start(&b);
    CHECK(inbox_count(inbox_of(&b)) == 0, "nor in the store");
    b.memory.is_failing = false;
    epoch = inbox_epoch(inbox_of(&b), 7);
    CHECK(inbox_add_text(inbox_of(&b), epoch, 0, 1, whole) == PEER_OK, "taken");
    CHECK(inbox_count(inbox_of(&b)) == 3 && has_text(&b), "all of it");
}

/** What is left of a refused text in a place that is not used again takes no room later. */
static void test_left_over_piece(void)
{
    static uint8_t text[1500];
    const slice_t word = { (const uint8_t *)"word", 4 }, two = { text, sizeof text };
    inbox_epoch_t *epoch;

    memset(text, 'x', sizeof text);
    begin_paired();
    epoch = inbox_epoch(inbox_of(&b), 7);
    for (uint64_t i = 0; i < 2; i++) {
        CHECK(inbox_add_text(inbox_of(&b), epoch, i, 1, word) == PEER_OK, "in the last two places");
    }
    b.memory.is_failing = true;
    b.memory.fails_at = "inbox0";
    CHECK(inbox_add_text(inbox_of(&b), epoch, 2, 1, two) == PEER_ERROR_STORE, "refused");
    b.memory.is_failing = false;
    for (int i = 0; i < 2; i++) check_text(&b, "word");
    CHECK(inbox_add_text(inbox_of(&b), epoch, 2, 1, two) == PEER_OK, "in the last two places now");
    start(&b);
    CHECK(inbox_count(inbox_of(&b)) == 2, "and nowhere else");
}

/** However it came, all pieces of a text are there after a restart. */
static void test_pieces_stay_together(void)
{
    static uint8_t text[1500];
    const slice_t whole = { text, sizeof text };
    contact_t *from;

    memset(text, 'x', sizeof text);
    for (int in_letter = 0; in_letter < 2; in_letter++) {
        begin_paired();
        CHECK((in_letter ? inbox_add_letter(inbox_of(&b), 7, 0, 1, whole)
                         : inbox_add_text(inbox_of(&b), inbox_epoch(inbox_of(&b), 7), 0, 1, whole))
                  == PEER_OK, "kept");
        start(&b);
        inbox_text_t *first = peer_oldest_text(&b.peer, &from);
        CHECK(first != NULL && inbox_rest(inbox_of(&b), first) != NULL, "what follows the beginning");
        CHECK(inbox_remove(inbox_of(&b), first) == PEER_OK && inbox_count(inbox_of(&b)) == 0, "all went");
    }
}

/** Readings that are taken one by one, over power cuts: each waits or is counted. */
static void test_ring_overflows(void)
{
    outbox_t *outbox = &a.peer.contacts[0].outbox;
    uint32_t taken = 0;

    begin();
    while (taken < 10 * OUTBOX_SLOTS) {
        const uint32_t life = 1 + random_below(3 * OUTBOX_SLOTS);

        for (uint32_t i = 0; i < life; i++) {
            CHECK(peer_add_reading(&a.peer, &MEASUREMENT, now_ms) == PEER_OK, "taken");
            now_ms += 10000;
        }
        taken += life;
        const uint32_t known = (uint32_t)outbox_count(outbox) + outbox->dropped;
        CHECK(known == taken, "each waits, or was counted when it made room");
        start(&a);
        /* What was not in a whole block yet did not count as taken. */
        taken = (uint32_t)outbox_count(outbox) + outbox->dropped;
        CHECK(taken <= known && known - taken < OUTBOX_BLOCK, "a power cut forgets neither");
    }
    CHECK(outbox->dropped > 8 * OUTBOX_SLOTS, "most had to make room");
}

/** What one sequence stands for never changes, though the place of its text is used again. */
static void test_text_given_up(void)
{
    outbox_t *outbox = &a.peer.contacts[0].outbox;

    begin_paired();
    CHECK(peer_send_text(&a.peer, NULL, "given up") == PEER_OK, "queued");
    for (int i = 0; i < OUTBOX_BLOCK; i++) { /* Its block is stored while it waits still. */
        CHECK(peer_add_reading(&a.peer, &MEASUREMENT, now_ms += 10000) == PEER_OK, "taken");
    }
    outbox_drop(outbox, outbox->lowest);
    CHECK(peer_send_text(&a.peer, NULL, "newer") == PEER_OK, "in the place of the first");
    start(&a);
    run(3000, NULL);
    check_text(&b, "newer");
    CHECK(!has_text(&b), "once");
    for (int i = 0; i < 2; i++) CHECK(peer_send_text(&a.peer, NULL, "kept") == PEER_OK, "queued");
    start(&a);
    run(3000, NULL);
    for (int i = 0; i < 2; i++) check_text(&b, "kept");
    CHECK(!has_text(&b) && outbox_count(outbox) == 0, "and no more");
}

static bool is_stored(const side_t *side, const char *text)
{
    const size_t size = strlen(text);

    for (int i = 0; i < VALUES_MAX; i++) {
        for (size_t at = 0; at + size <= VALUE_SIZE_MAX; at++) {
            if (side->memory.values[i].name[0] == '\0') break;
            if (memcmp(side->memory.values[i].bytes + at, text, size) == 0) return true;
        }
    }
    return false;
}

/** A text that has arrived, was given up, or was forgotten with everything is not in the store. */
static void test_no_text_stays(void)
{
    outbox_t *outbox = &a.peer.contacts[0].outbox;

    for (int way = 0; way < 5; way++) {
        begin_paired();
        CHECK(peer_send_text(&a.peer, NULL, "for nobody else") == PEER_OK, "queued");
        CHECK(is_stored(&a, "for nobody else"), "it survives a restart");
        a.memory.is_failing = way == 3;
        a.memory.fails_at = "text";
        if (way == 0 || way == 3) run(3000, NULL);
        if (way == 1) outbox_drop(outbox, outbox->lowest);
        if (way == 2) CHECK(peer_factory_reset(&a.peer) == PEER_OK, "reset");
        if (way == 4) CHECK(peer_forget(&a.peer, "beta") == PEER_OK, "forgotten");
        CHECK( outbox_count(outbox) == 0, "it waits no more");
        CHECK(is_stored(&a, "for nobody else") == (way == 3), "nothing of it stays");
        a.memory.is_failing = false;
        start(&a);
        run(3000, NULL); /* An acknowledgement that was not noted comes once more. */
        CHECK(!is_stored(&a, "for nobody else"), "not longer than the store is at fault");
    }
}

static void test_lost_on_the_way(void)
{
    outbox_t *outbox = &a.peer.contacts[0].outbox;

    begin();
    a.memory.is_failing = true;
    CHECK(peer_add_reading(&a.peer, &MEASUREMENT, now_ms) == PEER_ERROR_STORE, "refused");
    CHECK(outbox->dropped == 1 && outbox_count(outbox) == 0, "and counted");
    peer_lose_readings(&a.peer, 3);
    CHECK(outbox->dropped == 4, "as is what never came so far");
}

int main(void)
{
    CHECK(crypto_start() == PEER_OK, "start");
    test_ids_cannot_be_kept();
    test_half_a_text();
    test_left_over_piece();
    test_pieces_stay_together();
    test_ring_overflows();
    test_text_given_up();
    test_no_text_stays();
    test_lost_on_the_way();
    puts("store: ok");
    return 0;
}
