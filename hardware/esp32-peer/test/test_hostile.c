/*
 * Goal: whoever drops, changes, replays or makes up packets achieves nothing but delay.
 * Method: two whole peers, and a link between them that means harm.
 */
#include "peer/packet.h"
#include "two_peers.h"

static uint32_t flips_one_in;

static bool flip(uint8_t *bundle, size_t *size)
{
    for (size_t i = 0; i < *size; i++) {
        if (random_below(flips_one_in) == 0) bundle[i] ^= (uint8_t)(1u << random_below(8));
    }
    return random_below(4) != 0;
}

static void test_bad_link(void)
{
    begin();
    flips_one_in = UINT32_MAX;
    char code[PAIRING_TEXT_SIZE + 1];
    CHECK(peer_make_code(&b.peer, code) == PEER_OK, "code");
    CHECK(peer_use_code(&a.peer, code, b.address, now_ms) == PEER_OK, "use");
    run(59000, flip);
    CHECK(peer_take_news(&a.peer) == NEWS_PAIRED, "a pairs over a link that drops a quarter");
    flips_one_in = 300;
    uint32_t sent = 0, opened = 0, noticed = 0;
    for (int round = 0; round < 400; round++) {
        if (peer_send_text(&a.peer, NULL, "item") == PEER_OK) sent++;
        run(3000, flip);
        for (int side = 0; side < 2; side++) {
            uint32_t *refusals = (side == 0 ? &a : &b)->peer.refusals;
            noticed += refusals[PEER_ERROR_UNAUTHENTICATED];
            refusals[PEER_ERROR_UNAUTHENTICATED] = 0;
        }
        if (random_below(20) == 0) start(random_below(2) == 0 ? &a : &b);
        while (has_text(&b)) {
            check_text(&b, "item");
            opened++;
        }
    }
    for (int round = 0; round < 20; round++) {
        run(5000, NULL);
        while (has_text(&b)) {
            check_text(&b, "item");
            opened++;
        }
    }
    CHECK(sent > 50 && opened == sent, "each text exactly once");
    CHECK(noticed > 30, "and changes were noticed");
}

/** Keeps what passes, to bring it again. */
static uint8_t kept[64][PEER_BUNDLE_SIZE_MAX];
static size_t kept_sizes[64], kept_count;

static bool keep(uint8_t *bundle, size_t *size)
{
    if (kept_count < 64 && *size > 0) {
        memcpy(kept[kept_count], bundle, *size);
        kept_sizes[kept_count++] = *size;
    }
    return true;
}

static void test_replays(void)
{
    uint8_t out[PEER_BUNDLE_SIZE_MAX];
    size_t size;

    begin();
    pair();
    kept_count = 0;
    CHECK(peer_send_keys(&a.peer, now_ms) == PEER_OK, "renew");
    for (int i = 0; i < 10; i++) {
        CHECK(peer_send_text(&a.peer, NULL, "once") == PEER_OK, "queued");
        run(1000, keep);
        check_text(&b, "once");
    }
    for (int restart = 0; restart < 2; restart++) {
        for (size_t i = 0; i < kept_count; i++) {
            for (int side = 0; side < 2; side++) {
                side_t *device = side == 0 ? &a : &b;
                CHECK(peer_receive(&device->peer, (slice_t){ kept[i], kept_sizes[i] }, now_ms, out,
                                   sizeof out, &size) == PEER_OK, "framing is right");
            }
            now_ms += 600;
        }
        CHECK(!has_text(&a) && !has_text(&b), "nothing comes twice");
        start(&b);
    }
    CHECK(b.peer.refusals[PEER_ERROR_REPLAYED] == 0, "counters begin anew");
    CHECK(peer_send_text(&a.peer, NULL, "still") == PEER_OK, "queued");
    run(90000, NULL);
    check_text(&b, "still");
}

/** Every byte of every packet of a whole meeting, changed: never another outcome than delay. */
static void test_hostile_packets(void)
{
    uint8_t changed[PEER_BUNDLE_SIZE_MAX], out[PEER_BUNDLE_SIZE_MAX];
    size_t size;

    begin();
    pair();
    kept_count = 0;
    CHECK(peer_send_keys(&a.peer, now_ms) == PEER_OK, "renew");
    CHECK(peer_send_text(&a.peer, NULL, "x") == PEER_OK, "queued");
    run(1000, keep);
    check_text(&b, "x");
    for (size_t i = 0; i < kept_count; i++) {
        for (size_t at = 0; at < kept_sizes[i]; at++) {
            memcpy(changed, kept[i], kept_sizes[i]);
            changed[at] ^= (uint8_t)(1u << random_below(8));
            now_ms += 10;
            (void)!peer_receive(&b.peer, (slice_t){ changed, kept_sizes[i] }, now_ms, out, sizeof out,
                                &size);
            (void)!peer_receive(&b.peer, (slice_t){ kept[i], at }, now_ms, out, sizeof out, &size);
            peer_reply(&a.peer, &a.peer.contacts[0], (slice_t){ changed, kept_sizes[i] }, now_ms);
        }
    }
    CHECK(!has_text(&b) && !has_text(&a), "nothing was taken");
    CHECK(b.peer.refusals[PEER_ERROR_UNAUTHENTICATED] > 50, "and it was counted");
    CHECK(peer_send_text(&a.peer, NULL, "y") == PEER_OK, "queued");
    run(90000, NULL);
    check_text(&b, "y");
}

/** Answers KK1 with a STATUS of its own making, and counts. */
static status_code_t forged;
static int forgeries_left;
static int asked, asked_anew;
static uint8_t asked_last[PEER_BUNDLE_SIZE_MAX];

static bool forge(uint8_t *bundle, size_t *size)
{
    static bool is_reply, is_about_kk1;

    if (!is_reply) {
        is_about_kk1 = bundle[2] == PACKET_KK1;
        if (is_about_kk1) {
            asked++;
            if (memcmp(asked_last, bundle, *size) != 0) asked_anew++;
            memcpy(asked_last, bundle, *size);
        }
    } else if (is_about_kk1 && forgeries_left > 0) {
        const size_t kk1_size = (size_t)asked_last[0] << 8 | asked_last[1];
        bundle_writer_t writer = { .bytes = bundle, .room = PEER_BUNDLE_SIZE_MAX };

        forgeries_left--;
        CHECK(status_add(&writer, forged, (slice_t){ asked_last + 2, kk1_size }) == PEER_OK, "forged");
        *size = writer.size;
    }
    is_reply = !is_reply;
    return true;
}

/** PROTOCOL §4.2: a STATUS is a hint. Whoever makes one up delays, however long he does. */
static void test_forged_status(status_code_t code, peer_news_t news, int forgeries)
{
    begin();
    pair();
    b.peer.contacts[0].record.address[0] = '\0'; /* It cannot help by calling. */
    start(&a);
    forged = code, forgeries_left = forgeries, asked = asked_anew = 0;
    CHECK(peer_send_text(&a.peer, NULL, "one") == PEER_OK, "queued");
    run(3600 * 1000, forge);
    CHECK(asked <= 40, "ever more seldom");
    for (int hour = 0; forgeries_left > 0 && hour < 24; hour++) run(3600 * 1000, forge);
    CHECK(forgeries_left == 0, "it is tried for as long as it takes");
    run(2 * 60 * 1000 + 1000, forge);
    check_text(&b, "one");
    CHECK(peer_take_news(&a.peer) == news, "a person was told");
    CHECK(a.peer.contacts[0].refusal == STATUS_NONE, "it is well again");
}

/** A session that works is used while somebody lies about its renewal. */
static void test_forged_at_renewal(void)
{
    begin();
    pair();
    b.peer.contacts[0].record.address[0] = '\0';
    forged = STATUS_UNKNOWN, forgeries_left = 1000;
    now_ms += 12 * 60 * 1000; /* Old enough to be renewed, too young to be over. */
    for (int i = 0; i < 10; i++) {
        CHECK(peer_send_text(&a.peer, NULL, "on") == PEER_OK, "queued");
        run(10000, forge);
        check_text(&b, "on");
    }
    CHECK(forgeries_left < 1000, "there were lies");
}

/** Somebody who has really forgotten is asked, but seldom. */
static void test_really_forgotten(void)
{
    begin();
    pair();
    CHECK(peer_factory_reset(&b.peer) == PEER_OK, "reset");
    b.peer.time_interval_ms = 0;
    CHECK(peer_send_text(&a.peer, NULL, "x") == PEER_OK, "queued");
    forgeries_left = asked = asked_anew = 0;
    run(5000, forge);
    CHECK(peer_take_news(&a.peer) == NEWS_FORGOTTEN, "a is told");
    run(2 * 60 * 60 * 1000, forge);
    CHECK(peer_take_news(&a.peer) == NEWS_NONE, "once");
    CHECK(asked >= 60 && asked <= 68 && asked_anew <= 62, "every two minutes, in two hours");
}

static void test_plain_xx_is_refused(void)
{
    uint8_t out[PEER_BUNDLE_SIZE_MAX], bundle[2 + 4 + 76];
    bundle_writer_t writer = { .bytes = bundle, .room = sizeof bundle };
    size_t size = 0, room;
    uint8_t *packet = bundle_space(&writer, &room);

    begin();
    memset(packet, 0, 80);
    packet[0] = PACKET_XX1;
    bundle_add(&writer, 80);
    CHECK(peer_receive(&b.peer, (slice_t){ bundle, writer.size }, now_ms, out, sizeof out, &size)
              == PEER_OK, "framing");
    CHECK(size == 2 + STATUS_SIZE && out[2] == PACKET_STATUS && out[3] == STATUS_REFUSED, "refused");
    for (int i = 0; i < 40; i++) {
        CHECK(peer_receive(&b.peer, (slice_t){ bundle, writer.size }, now_ms, out, sizeof out, &size)
                  == PEER_OK, "framing");
    }
    CHECK(size == 0, "sixteen a second, not more");
    CHECK(peer_receive(&b.peer, (slice_t){ bundle, 5 }, now_ms, out, sizeof out, &size)
              == PEER_ERROR_MALFORMED, "framing");
}

int main(void)
{
    CHECK(crypto_start() == PEER_OK, "start");
    test_bad_link();
    test_replays();
    test_hostile_packets();
    test_forged_status(STATUS_UNKNOWN, NEWS_FORGOTTEN, 1);
    test_forged_status(STATUS_UNKNOWN, NEWS_FORGOTTEN, 100);
    test_forged_status(STATUS_REFUSED, NEWS_KEY_CHANGED, 100);
    test_forged_at_renewal();
    test_really_forgotten();
    test_plain_xx_is_refused();
    puts("hostile: ok");
    return 0;
}
