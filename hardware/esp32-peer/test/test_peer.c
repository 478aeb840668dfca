/*
 * Goal: two devices pair by code, meet again, and lose and repeat nothing, whatever becomes of
 * the power.
 * Method: two whole peers, stores in memory that outlive a restart.
 */
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
    CHECK(outbox_count(&a.peer.contacts[0].outbox) == OUTBOX_ITEMS, "more than an hour waits");
    CHECK(a.peer.contacts[0].outbox.dropped == 400 - OUTBOX_ITEMS, "the oldest went, and are counted");
    start(&a);
    const size_t kept_readings = outbox_count(&a.peer.contacts[0].outbox);
    CHECK(kept_readings == OUTBOX_ITEMS, "a whole number of blocks outlives a restart");
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
    test_asks_for_the_time();
    test_crossed_codes();
    puts("peer: ok");
    return 0;
}
