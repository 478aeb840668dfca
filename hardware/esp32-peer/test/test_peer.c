/*
 * Goal: two devices pair by code, meet again, and lose and repeat nothing, whatever becomes of
 * the power.
 * Method: two whole peers, stores in memory that outlive a restart.
 */
#include "peer/serial_frame.h"
#include "two_peers.h"

static void test_pairs_and_talks(void)
{
    begin();
    CHECK(peer_send_text(&a.peer, NULL, "early") == PEER_ERROR_STATE, "nobody to talk to");
    CHECK(peer_send_keys(&a.peer, now_ms) == PEER_ERROR_STATE, "a code is needed");
    pair();
    CHECK(peer_send_text(&a.peer, NULL, "hello") == PEER_OK, "queued");
    CHECK(peer_send_text(&b.peer, "alpha", "gr\xC3\xBC\xC3\x9F dich") == PEER_OK, "queued");
    CHECK(peer_send_text(&b.peer, "nobody", "x") == PEER_ERROR_STATE, "unknown contact");
    CHECK(peer_send_text(&b.peer, NULL, "\xFF") == PEER_ERROR_MALFORMED, "no UTF-8");
    run(1000, NULL);
    check_text(&b, "hello");
    check_text(&a, "gr\xC3\xBC\xC3\x9F dich");
    CHECK(!has_text(&a) && !has_text(&b), "once");
    CHECK(outbox_count(&a.peer.contacts[0].outbox) == 0, "acknowledged");
    /* A full inbox takes no more, and loses nothing. */
    for (int i = 0; i < 7; i++) {
        CHECK(peer_send_text(&a.peer, NULL, "more") == PEER_OK || i >= OUTBOX_TEXTS, "queued");
        run(300, NULL);
    }
    CHECK(inbox_count(&b.peer.contacts[0].inbox) == INBOX_TEXTS, "as many as there is room for");
    size_t opened = 0;
    for (int i = 0; i < 20; i++) {
        while (has_text(&b)) {
            check_text(&b, "more");
            opened++;
        }
        run(10000, NULL);
    }
    CHECK(opened == 7 && outbox_count(&a.peer.contacts[0].outbox) == 0, "all seven came");
}

static void test_restarts(void)
{
    begin();
    pair();
    for (int round = 0; round < 6; round++) {
        CHECK(peer_send_text(&a.peer, NULL, "after") == PEER_OK, "queued");
        start(round % 2 == 0 ? &a : &b);
        run(5000, NULL);
        check_text(&b, "after");
        CHECK(!has_text(&b), "once");
    }
    CHECK(peer_take_news(&a.peer) == NEWS_NONE, "needs nobody");
}

static void test_forgotten(void)
{
    begin();
    pair();
    CHECK(peer_factory_reset(&b.peer) == PEER_OK, "reset");
    b.peer.time_interval_ms = 0;
    CHECK(peer_send_text(&a.peer, NULL, "x") == PEER_OK, "queued");
    run(5000, NULL);
    CHECK(peer_take_news(&a.peer) == NEWS_FORGOTTEN, "a is told");
    CHECK(!has_text(&b), "and nothing came");
    /* The reset device has another key: a does not take it for the old one. */
    char code[PAIRING_TEXT_SIZE + 1];
    CHECK(peer_make_code(&b.peer, code) == PEER_OK, "code");
    CHECK(peer_use_code(&a.peer, code, b.address, now_ms) == PEER_OK, "use");
    run(3000, NULL);
    CHECK(peer_take_news(&a.peer) == NEWS_KEY_CHANGED, "another key is refused");
}

static void test_wrong_codes(void)
{
    char code[PAIRING_TEXT_SIZE + 1], other[PAIRING_TEXT_SIZE + 1];
    uint8_t secret[PAIRING_SECRET_SIZE] = { 1 };

    begin();
    CHECK(pairing_code_encode(secret, other) == PEER_OK, "code");
    CHECK(peer_use_code(&a.peer, other, b.address, now_ms) == PEER_OK, "use");
    run(1000, NULL);
    CHECK(peer_take_news(&a.peer) == NEWS_CODE_NOT_TAKEN, "no code is held");
    CHECK(peer_make_code(&b.peer, code) == PEER_OK, "code");
    CHECK(peer_use_code(&a.peer, "rubbish", b.address, now_ms) == PEER_ERROR_MALFORMED, "no code");
    CHECK(peer_use_code(&a.peer, code, "rubbish", now_ms) == PEER_ERROR_MALFORMED, "no address");
    for (int guess = 0; guess < 5; guess++) {
        CHECK(b.peer.code.is_held, "still held");
        CHECK(peer_use_code(&a.peer, other, b.address, now_ms) == PEER_OK, "use");
        run(700, NULL);
        start(&b); /* Failures are counted across restarts. */
        run(500, NULL);
        now_ms += 120000;
        run(100, NULL);
    }
    CHECK(!b.peer.code.is_held, "five wrong ones spend it");
    CHECK(!a.peer.contacts[0].record.is_pinned && !b.peer.contacts[0].record.is_pinned, "nobody");
}

static void test_renews(void)
{
    begin();
    pair();
    uint8_t first[KEY_SIZE];
    memcpy(first, a.peer.contacts[0].current.sending, KEY_SIZE);
    for (int minute = 0; minute < 30; minute++) {
        CHECK(peer_send_text(&b.peer, NULL, "tick") == PEER_OK, "queued");
        run(1000, NULL);
        check_text(&a, "tick");
        now_ms += 59000;
    }
    CHECK(memcmp(first, a.peer.contacts[0].current.sending, KEY_SIZE) != 0, "keys were renewed");
    CHECK(!a.peer.contacts[0].previous.is_alive || now_ms < a.peer.contacts[0].previous_until_ms + 60000,
          "old keys go");
    CHECK(peer_take_news(&a.peer) != NEWS_FORGOTTEN, "by itself");
}

static void test_crossed_renewal(void)
{
    begin();
    for (int round = 0; round < 20; round++) {
        if (round == 0) pair();
        CHECK(peer_send_keys(&a.peer, now_ms) == PEER_OK, "a");
        CHECK(peer_send_keys(&b.peer, now_ms) == PEER_OK, "b");
        CHECK(peer_send_text(&a.peer, NULL, "x") == PEER_OK, "queued");
        run(6000, NULL);
        check_text(&b, "x");
        const session_t *sa = &a.peer.contacts[0].current, *sb = &b.peer.contacts[0].current;
        CHECK(memcmp(sa->sending, sb->receiving, KEY_SIZE) == 0, "both have the same keys");
    }
}

static void test_readings_wait(void)
{
    const measurement_t measurement = { 1u << VALUE_TEMP_BMP, { 2508 } };

    begin();
    CHECK(peer_add_reading(&a.peer, &(measurement_t){ 0 }, now_ms) == PEER_OK, "nothing measured");
    CHECK(outbox_count(&a.peer.contacts[0].outbox) == 0, "is no reading");
    for (int i = 0; i < 400; i++) {
        CHECK(peer_add_reading(&a.peer, &measurement, now_ms) == PEER_OK, "taken");
        now_ms += 10000;
    }
    CHECK(outbox_count(&a.peer.contacts[0].outbox) == OUTBOX_SLOTS, "more than an hour waits");
    CHECK(a.peer.contacts[0].outbox.dropped == 400 - OUTBOX_SLOTS, "the oldest went, and are counted");
    start(&a);
    const size_t kept_readings = outbox_count(&a.peer.contacts[0].outbox);
    CHECK(kept_readings == OUTBOX_SLOTS, "a whole number of blocks outlives a restart");
    CHECK(peer_add_reading(&a.peer, &measurement, now_ms) == PEER_OK, "taken");
    pair();
    /* b is a device too: it understands no readings, takes them off the line and says so. */
    run(300000, NULL);
    CHECK(outbox_count(&a.peer.contacts[0].outbox) == 0, "all were acknowledged");
    CHECK(outbox_count(&b.peer.contacts[0].outbox) == 0, "and all notices");
    a.memory.is_failing = true;
    size_t taken = 0;
    for (int i = 0; i < OUTBOX_BLOCK; i++) {
        if (peer_add_reading(&a.peer, &measurement, now_ms) == PEER_OK) taken++;
    }
    CHECK(taken < OUTBOX_BLOCK, "a store that fails is told of");
    CHECK(peer_send_text(&a.peer, NULL, "x") == PEER_ERROR_STORE, "and takes no text");
}

/** A text's block fails after the text itself was stored; then everything is well again. */
static void test_refused_is_not_sent(void)
{
    const measurement_t measurement = { 1u << VALUE_TEMP_BMP, { 2508 } };
    outbox_t *outbox = &a.peer.contacts[0].outbox;

    begin();
    pair();
    for (int i = 0; i < OUTBOX_BLOCK - 1; i++) {
        CHECK(peer_add_reading(&a.peer, &measurement, now_ms) == PEER_OK, "taken");
    }
    a.memory.is_failing = true;
    a.memory.fails_at = "block";
    const size_t waiting = outbox_count(outbox);
    CHECK(peer_send_text(&a.peer, NULL, "no") == PEER_ERROR_STORE, "refused");
    CHECK(peer_add_reading(&a.peer, &measurement, now_ms) == PEER_ERROR_STORE, "refused");
    CHECK(outbox_count(outbox) == waiting, "what was refused does not wait to be sent");
    a.memory.is_failing = false;
    CHECK(peer_add_reading(&a.peer, &measurement, now_ms) == PEER_OK, "taken");
    const size_t kept = outbox_count(outbox);
    start(&a);
    CHECK(outbox_count(outbox) == kept, "and the whole block was stored");
    CHECK(peer_send_text(&a.peer, NULL, "yes") == PEER_OK, "queued");
    run(300000, NULL);
    check_text(&b, "yes");
    CHECK(!has_text(&b), "nothing else");
}

/** Bytes on the line of the bundle that is due: its record with no address, in its frame. */
static size_t size_on_line(void)
{
    uint8_t record[2 + PEER_BUNDLE_SIZE_MAX] = { 0 }, frame[FRAME_SIZE_MAX];
    contact_t *to = NULL;
    size_t frame_size = 0;
    const size_t size = peer_poll(&a.peer, now_ms, record + 2, PEER_BUNDLE_SIZE_MAX, &to);
    size_t sum = 0;

    for (size_t at = 0; at < 2 + size; at += FRAME_PAYLOAD_SIZE_MAX) {
        const size_t left = 2 + size - at;
        const frame_t piece = { .type = FRAME_DATA,
                                .channel = CHANNEL_PACKETS,
                                .payload = record + at,
                                .payload_size = left < FRAME_PAYLOAD_SIZE_MAX ? left : FRAME_PAYLOAD_SIZE_MAX };
        CHECK(frame_encode(&piece, frame, sizeof frame, &frame_size) == PEER_OK, "frame");
        sum += frame_size;
    }
    peer_fail(&a.peer, to, now_ms);
    return sum;
}

/** The longest numbers that the sensors give. */
static void test_size_of_a_reading(void)
{
    const measurement_t longest = { (1u << VALUES) - 1,
                                    { 2508, 8499, -3999, 109999, -19613, 19613, 19611, 43633,
                                      -43633, 43631, 9999 } };
    begin();
    a.name = "esp32-12";
    start(&a);
    pair();
    /* Not one that tells how the device is, and no waiting for patience. */
    CHECK(peer_synchronise(&a.peer, UINT64_C(1795219200000), now_ms), "clock");
    run(1000, NULL);
    CHECK(peer_send_text(&a.peer, NULL, "x") == PEER_OK, "a text before it");
    run(1000, NULL);
    CHECK(peer_add_reading(&a.peer, &longest, now_ms) == PEER_OK, "taken");
    const size_t one = size_on_line();
    CHECK(one > 0 && one <= 280, "a reading on the line");
    for (int i = 0; i < 8; i++) {
        now_ms += 10000;
        CHECK(peer_add_reading(&a.peer, &longest, now_ms) == PEER_OK, "taken");
    }
    now_ms += 60000;
    const size_t nine = size_on_line();
    CHECK(nine / 9 < 180, "waiting readings share names and times");
    printf("line: ok, a reading is %zu bytes on the line, of nine that waited each %zu\n", one, nine / 9);
}

/** A message stays what it was when it was sent first; what comes later is another. */
static void test_readings_share(void)
{
    const measurement_t measurement = { 1u << VALUE_TEMP_BMP, { 2508 } };
    uint8_t none[1] = { 0 };
    outbox_message_t message;
    outbox_t *outbox = &a.peer.contacts[0].outbox;
    uint64_t at = 0;

    begin();
    for (int i = 0; i < 6; i++) {
        CHECK(peer_add_reading(&a.peer, &measurement, now_ms += 10000) == PEER_OK, "taken");
    }
    CHECK(outbox_next(outbox, &at, &message) && message.count == 4, "four share one");
    CHECK(outbox_next(outbox, &at, &message) && message.count == 2 && message.sequence == 4, "two");
    CHECK(!outbox_next(outbox, &at, &message), "that is all");
    outbox_close(outbox);
    CHECK(peer_add_reading(&a.peer, &measurement, now_ms += 10000) == PEER_OK, "after it was sent");
    CHECK(peer_send_text(&a.peer, NULL, "x") == PEER_ERROR_STATE, "nobody");
    CHECK(outbox_add_text(outbox, "between") == PEER_OK, "a text");
    CHECK(peer_add_reading(&a.peer, &measurement, now_ms += 10000) == PEER_OK, "and another");
    at = 5;
    CHECK(outbox_next(outbox, &at, &message) && message.kind == ITEM_READING && at == 6, "rest");
    at = 6;
    CHECK(outbox_next(outbox, &at, &message) && message.count == 1 && message.sequence == 6, "alone");
    CHECK(outbox_next(outbox, &at, &message) && message.kind == ITEM_TEXT, "text");
    CHECK(outbox_next(outbox, &at, &message) && message.count == 1, "not with that before the text");
    /* A restart finds the same messages, as far as their blocks were stored, and joins none. */
    start(&a);
    at = 0;
    CHECK(outbox_next(outbox, &at, &message) && message.count == 4, "four");
    CHECK(message.of.readings[0].is_unsure && message.of.readings[0].time_ms == 0, "of before");
    CHECK(outbox_next(outbox, &at, &message) && message.count == 2, "two");
    CHECK(peer_add_reading(&a.peer, &measurement, now_ms += 10000) == PEER_OK, "a new one");
    /* Acknowledged is a message, whole. */
    CHECK(outbox_acknowledge(outbox, 0, none, 0) == 0, "nothing");
    CHECK(outbox_acknowledge(outbox, 4, none, 0) == 4, "four readings");
    none[0] = 2;
    CHECK(outbox_acknowledge(outbox, 4, none, 1) == 1, "of the bitmap: 6, one reading");
    CHECK(outbox_acknowledge(outbox, 5, none, 0) == 2, "and 4, of two");
    outbox_drop(outbox, outbox->lowest);
    CHECK(outbox->dropped == 1, "given up and counted");
}

/** Its block was stored while the first waited, whose place the second has taken since. */
static void test_place_of_a_text_is_taken_again(void)
{
    const measurement_t measurement = { 1u << VALUE_TEMP_BMP, { 2508 } };
    outbox_message_t message;
    outbox_t *outbox = &a.peer.contacts[0].outbox;
    uint64_t at = 0;

    begin();
    CHECK(outbox_add_text(outbox, "first") == PEER_OK, "a text");
    for (int i = 0; i < OUTBOX_BLOCK; i++) {
        CHECK(peer_add_reading(&a.peer, &measurement, now_ms += 10000) == PEER_OK, "taken");
    }
    const uint64_t next = outbox->next;
    CHECK(outbox_acknowledge(outbox, next, NULL, 0) == next, "all");
    CHECK(outbox_add_text(outbox, "second") == PEER_OK, "in the place of the first");
    start(&a);
    outbox_acknowledge(outbox, next, NULL, 0);
    CHECK(outbox_add_text(outbox, "third") == PEER_OK, "another");
    CHECK(outbox_next(outbox, &at, &message) && message.kind == ITEM_TEXT, "a text");
    CHECK(strcmp(message.of.text, "second") == 0, "the second waits still");
    CHECK(outbox_next(outbox, &at, &message) && strcmp(message.of.text, "third") == 0, "third");
    CHECK(!outbox_next(outbox, &at, &message), "that is all");
}

static const uint64_t UNIX_MS = UINT64_C(1795219200000);
static uint64_t delay_ms;

static bool is_late(uint8_t *bundle, size_t *size)
{
    (void)bundle, (void)size;
    now_ms += delay_ms;
    return true;
}

/** A device without a network asks whom it is paired with, and takes no time that it did not ask. */
static void test_asks_for_the_time(void)
{
    begin();
    pair();
    a.peer.time_interval_ms = b.peer.time_interval_ms = 1000;
    run(3000, NULL);
    CHECK(!a.peer.clock.is_synchronised && !b.peer.clock.is_synchronised, "nobody knows");
    delay_ms = 4000; /* On each way. */
    CHECK(peer_synchronise(&b.peer, UNIX_MS, now_ms), "b knows");
    run(3000, is_late);
    CHECK(!a.peer.clock.is_synchronised, "an answer that was kept waiting is not taken");
    const uint64_t since_ms = now_ms;
    delay_ms = 0;
    b.peer.time_interval_ms = 0;
    CHECK(peer_synchronise(&b.peer, UNIX_MS, now_ms), "b knows");
    run(70000, is_late); /* Until patience ends. */
    CHECK(a.peer.clock.is_synchronised, "a was told");
    const uint64_t told_ms = device_clock_unix_ms(&a.peer.clock, now_ms);
    CHECK(told_ms == UNIX_MS + now_ms - since_ms, "right");
    CHECK(peer_take_news(&a.peer) == NEWS_SYNCHRONISED, "and says so once");
    /* Another time, that nobody asked for, and then an answer to the next question. */
    const uint64_t offset_ms = 5000;
    run(20000, NULL);
    CHECK(device_clock_unix_ms(&a.peer.clock, now_ms) == UNIX_MS + now_ms - since_ms, "no drift");
    /* Just after a question, when only that it was answered keeps another answer out. */
    const contact_t *asks = &a.peer.contacts[0];
    for (int i = 0; i < 1000 && (asks->time_asked || now_ms - asks->time_asked_at_ms > 1000); i++)
        run(100, NULL);
    CHECK(now_ms - asks->time_asked_at_ms <= 1000, "it has just asked");
    CHECK(peer_synchronise(&b.peer, UNIX_MS + now_ms - since_ms + offset_ms, now_ms), "b jumps");
    run(2000, NULL);
    CHECK(device_clock_unix_ms(&a.peer.clock, now_ms) == UNIX_MS + now_ms - since_ms, "not asked");
    run(70000, NULL);
    CHECK(device_clock_unix_ms(&a.peer.clock, now_ms) == UNIX_MS + now_ms - since_ms + offset_ms,
          "within 65 seconds it is");
    CHECK(peer_take_news(&a.peer) == NEWS_NONE, "quietly");
}

/** Both hold a code and use the other's at once: one of the two meetings is enough. */
static void test_crossed_codes(void)
{
    for (int round = 0; round < 20; round++) {
        char of_a[PAIRING_TEXT_SIZE + 1], of_b[PAIRING_TEXT_SIZE + 1];

        begin();
        CHECK(peer_make_code(&a.peer, of_a) == PEER_OK && peer_make_code(&b.peer, of_b) == PEER_OK,
              "codes");
        CHECK(peer_use_code(&a.peer, of_b, b.address, now_ms) == PEER_OK, "use");
        CHECK(peer_use_code(&b.peer, of_a, a.address, now_ms) == PEER_OK, "use");
        run(10000, NULL);
        const session_t *sa = &a.peer.contacts[0].current, *sb = &b.peer.contacts[0].current;
        CHECK(sa->is_alive && memcmp(sa->sending, sb->receiving, KEY_SIZE) == 0, "the same keys");
        CHECK(peer_send_text(&a.peer, NULL, "x") == PEER_OK, "queued");
        run(1000, NULL);
        check_text(&b, "x");
    }
}

int main(void)
{
    CHECK(crypto_start() == PEER_OK, "start");
    test_pairs_and_talks();
    test_restarts();
    test_forgotten();
    test_wrong_codes();
    test_renews();
    test_crossed_renewal();
    test_readings_wait();
    test_refused_is_not_sent();
    test_place_of_a_text_is_taken_again();
    test_size_of_a_reading();
    test_readings_share();
    test_asks_for_the_time();
    test_crossed_codes();
    puts("peer: ok");
    return 0;
}
