/*
 * Goal: a device is as good a peer to several contacts as to one: each has its queue, its session and
 * its place in the store, and none waits for another.
 * Method: a device and three peers in one process; what it sends goes to whoever has the address.
 */
#include "two_peers.h"

static side_t c, d;
static side_t *const OTHERS[] = { &b, &c, &d };
static const side_t *away; /* Nobody answers at its address. */

static const measurement_t MEASUREMENT = { 1u << VALUE_TEMP_BMP, { 2508 } };

static void start_another(side_t *side, const char *name, const char *address)
{
    memset(side, 0, sizeof *side);
    side->name = name, side->address = address;
    side->port = (peer_port_t){ NULL, random_bytes, { &side->memory, load, save, erase } };
    start(side);
}

static void begin_several(void)
{
    begin();
    start_another(&c, "gamma", "http://gamma:5002");
    start_another(&d, "delta", "http://delta:5003");
    away = NULL;
}

/** One exchange of the device, to whom it is for. False if it has nothing to say. */
static bool carry_to_owner(void)
{
    uint8_t out[PEER_BUNDLE_SIZE_MAX], back[PEER_BUNDLE_SIZE_MAX];
    contact_t *contact = NULL;
    size_t back_size = 0;
    const size_t size = peer_poll(&a.peer, now_ms, out, sizeof out, &contact);

    if (size == 0) return false;
    for (size_t i = 0; i < COUNT(OTHERS); i++) {
        side_t *other = OTHERS[i];

        if (other == away || strcmp(contact->record.address, other->peer.address) != 0) continue;
        CHECK(peer_receive(&other->peer, (slice_t){ out, size }, now_ms, back, sizeof back, &back_size)
                  == PEER_OK, other->name);
        peer_reply(&a.peer, contact, (slice_t){ back, back_size }, now_ms);
        return true;
    }
    peer_fail(&a.peer, contact, now_ms);
    return true;
}

static void run_several(uint64_t duration_ms)
{
    for (const uint64_t end_ms = now_ms + duration_ms; now_ms < end_ms; now_ms += 100) {
        for (int turn = 0; turn < 8; turn++) {
            bool did = carry_to_owner();

            for (size_t i = 0; i < COUNT(OTHERS); i++) {
                if (OTHERS[i] != away) did = carry(OTHERS[i], &a, NULL) || did;
            }
            if (!did) break;
        }
    }
}

static peer_error_t meet(side_t *other)
{
    char code[PAIRING_TEXT_SIZE + 1];

    CHECK(peer_make_code(&other->peer, code) == PEER_OK, other->name);
    const peer_error_t error = peer_use_code(&a.peer, code, other->peer.address, now_ms);
    run_several(1000);
    return error;
}

static void pair_several(void)
{
    CHECK(meet(&b) == PEER_OK && meet(&c) == PEER_OK, "used");
    CHECK(peer_paired(&a.peer) == 2 && peer_take_news(&a.peer) == NEWS_PAIRED, "both");
    CHECK(strcmp(a.peer.met->record.name, "gamma") == 0, "the last of them");
}

/** What waits for the contact of this name. */
static outbox_t *outbox_for(const char *name)
{
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        contact_t *contact = &a.peer.contacts[i];
        if (contact->record.is_pinned && strcmp(contact->record.name, name) == 0) return &contact->outbox;
    }
    return NULL;
}

static void test_each_its_own(void)
{
    begin_several();
    CHECK(peer_add_reading(&a.peer, &MEASUREMENT, now_ms) == PEER_OK, "before anybody is paired");
    CHECK(meet(&b) == PEER_OK && outbox_count(outbox_for("beta")) == 0, "the first has got it");
    CHECK(meet(&c) == PEER_OK, "used");
    CHECK(peer_send_text(&a.peer, NULL, "x") == PEER_ERROR_REFUSED, "to whom?");
    CHECK(peer_send_text(&a.peer, "beta", "to b") == PEER_OK, "queued");
    CHECK(peer_send_text(&a.peer, "gamma", "to c") == PEER_OK, "queued");
    CHECK(peer_add_reading(&a.peer, &MEASUREMENT, now_ms += 10000) == PEER_OK, "taken");
    CHECK(outbox_count(outbox_for("beta")) == 2 && outbox_count(outbox_for("gamma")) == 2, "for both");
    start(&a); /* The reading was in no whole block yet. */
    CHECK(peer_send_text(&b.peer, NULL, "from b") == PEER_OK, "queued");
    CHECK(peer_send_text(&c.peer, NULL, "from c") == PEER_OK, "queued");
    run_several(3000);
    check_text(&b, "to b");
    check_text(&c, "to c");
    check_text(&a, "from b");
    check_text(&a, "from c");
    CHECK(!has_text(&a) && !has_text(&b) && !has_text(&c), "no more");
}

/** One that has much to be told and is away does not keep the other waiting. */
static void test_one_is_away(void)
{
    begin_several();
    pair_several();
    away = &b;
    for (int i = 0; i < 40; i++) {
        CHECK(peer_add_reading(&a.peer, &MEASUREMENT, now_ms) == PEER_OK, "taken");
        run_several(10000);
    }
    CHECK(outbox_count(outbox_for("beta")) == 40 && outbox_count(outbox_for("gamma")) == 0, "one waits");
    away = NULL;
    run_several(120 * 1000);
    CHECK(outbox_count(outbox_for("beta")) == 0, "and is told all when it is back");
}

/** Nor does one that is there and has much to be told. */
static void test_turns(void)
{
    begin_several();
    pair_several();
    for (int i = 0; i < 200; i++) {
        CHECK(peer_add_reading(&a.peer, &MEASUREMENT, now_ms += 10000) == PEER_OK, "taken");
    }
    run_several(100); /* New sessions, and some readings. */
    const size_t waiting = outbox_count(outbox_for("beta"));
    CHECK(waiting > 0 && outbox_count(outbox_for("gamma")) > 0, "more than that");
    const size_t before = outbox_count(outbox_for("gamma"));
    CHECK(carry_to_owner() && carry_to_owner(), "two exchanges");
    CHECK(outbox_count(outbox_for("beta")) < waiting, "one for the one");
    CHECK(outbox_count(outbox_for("gamma")) < before, "one for the other");
}

static void test_forget_one(void)
{
    begin_several();
    pair_several();
    CHECK(meet(&d) == PEER_ERROR_NO_ROOM, "a third");
    CHECK(strcmp(a.peer.contacts[0].record.address, "http://beta:5001") == 0, "nothing has changed");
    CHECK(peer_forget(&a.peer, "delta") == PEER_ERROR_STATE, "unknown");
    CHECK(peer_send_text(&a.peer, "beta", "lost") == PEER_OK, "queued");
    CHECK(peer_forget(&a.peer, "beta") == PEER_OK, "forgotten");
    for (int restarts = 0; restarts < 2; restarts++) {
        CHECK(outbox_for("beta") == NULL && peer_paired(&a.peer) == 1, "gone");
        CHECK(peer_send_text(&a.peer, NULL, "still here") == PEER_OK, "to the one that is left");
        CHECK(peer_add_reading(&a.peer, &MEASUREMENT, now_ms) == PEER_OK, "taken");
        CHECK(outbox_count(&a.peer.contacts[0].outbox) == 0, "for nobody else");
        run_several(3000);
        check_text(&c, "still here");
        start(&a);
    }
    CHECK(!has_text(&b), "nothing came");
    CHECK(meet(&d) == PEER_OK && outbox_for("delta") == &a.peer.contacts[0].outbox, "in its place");
    CHECK(peer_send_text(&a.peer, "delta", "welcome") == PEER_OK, "queued");
    run_several(3000);
    check_text(&d, "welcome");
}

/** A code at a new address whose holder is paired already: it has moved, and is no new contact. */
static void test_contact_moves(void)
{
    begin_several();
    CHECK(meet(&b) == PEER_OK, "used");
    CHECK(peer_send_text(&a.peer, NULL, "to wherever it is") == PEER_OK, "queued");
    b.address = "http://beta:6001";
    start(&b);
    run_several(3000);
    CHECK(!has_text(&b), "not where it was");
    CHECK(meet(&b) == PEER_OK && peer_paired(&a.peer) == 1, "one contact");
    run_several(3000);
    CHECK(strcmp(a.peer.contacts[0].record.address, "http://beta:6001") == 0, "at its new address");
    check_text(&b, "to wherever it is");
    start(&a);
    CHECK(strcmp(a.peer.contacts[0].record.address, "http://beta:6001") == 0, "for good");
}

int main(void)
{
    CHECK(crypto_start() == PEER_OK, "start");
    test_each_its_own();
    test_one_is_away();
    test_turns();
    test_forget_one();
    test_contact_moves();
    puts("contacts: ok");
    return 0;
}
