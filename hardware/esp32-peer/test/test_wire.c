/*
 * Goal: the device writes and reads every structure of docs/PROTOCOL.md as everybody else does.
 * Method: the vectors of test/interop, both ways; windows against a plain list.
 */
#include "check.h"
#include "peer/bytes.h"
#include "peer/comparison.h"
#include "peer/gate.h"
#include "peer/handshake_state.h"
#include "peer/introduction.h"
#include "peer/pairing_code.h"
#include "peer/payload.h"
#include "peer/replay_window.h"
#include "peer/sequence_window.h"
#include "vectors.h"

static slice_t slice(const blob_t *blob)
{
    return (slice_t){ blob->data, blob->size };
}

static void check_equal(const uint8_t *actual, size_t size, const char *hex, const char *name)
{
    const blob_t expected = unhex(hex);
    CHECK(size == expected.size && memcmp(actual, expected.data, size) == 0, name);
}

static void test_bundles(void)
{
    for (size_t i = 0; i < COUNT(vectors_bundle_bundles); i++) {
        const blob_t bytes = unhex(vectors_bundle_bundles[i].bundle);
        slice_t rest = slice(&bytes), packet;
        uint8_t out[4096];
        bundle_writer_t writer = { .bytes = out, .room = sizeof out };

        if (bytes.size == sizeof bytes.data) continue; /* Larger than any the device takes. */
        CHECK(bundle_is_exact(rest), "exact");
        while (bundle_next(&rest, &packet)) {
            size_t room;
            uint8_t *space = bundle_space(&writer, &room);
            CHECK(room >= packet.size, "room");
            memcpy(space, packet.bytes, packet.size);
            bundle_add(&writer, packet.size);
        }
        CHECK(writer.size == bytes.size && memcmp(out, bytes.data, bytes.size) == 0, "bundle");
    }
    for (size_t i = 0; i < COUNT(vectors_bundle_refused); i++) {
        const blob_t bytes = unhex(vectors_bundle_refused[i].bundle);
        CHECK(!bundle_is_exact(slice(&bytes)), vectors_bundle_refused[i].note);
    }
}

static void test_packets(void)
{
    packet_t packet;
    uint8_t header[HEADER_SIZE_MAX];

    for (size_t i = 0; i < COUNT(vectors_packets_packets); i++) {
        const blob_t bytes = unhex(vectors_packets_packets[i].packet);
        const packet_type_t type = (packet_type_t)atoi(vectors_packets_packets[i].type);
        const uint32_t index = (uint32_t)strtoul(vectors_packets_packets[i].index, NULL, 10);
        const uint64_t counter = strtoull(vectors_packets_packets[i].counter, NULL, 10);

        CHECK(packet_decode(slice(&bytes), &packet) == PEER_OK, "packet");
        CHECK(packet.type == type && packet.index == index && packet.counter == counter, "fields");
        check_equal(packet.body.bytes, packet.body.size, vectors_packets_packets[i].body, "body");
        check_equal(header, header_encode(type, index, counter, header),
                    vectors_packets_packets[i].header, "header");
    }
    for (size_t i = 0; i < COUNT(vectors_packets_refused); i++) {
        const blob_t bytes = unhex(vectors_packets_refused[i].packet);
        CHECK(packet_decode(slice(&bytes), &packet) == PEER_ERROR_MALFORMED,
              vectors_packets_refused[i].note);
    }
    for (size_t i = 0; i < COUNT(vectors_packets_statuses); i++) {
        const blob_t bytes = unhex(vectors_packets_statuses[i].packet);
        const blob_t about = unhex(vectors_packets_statuses[i].about);
        const status_code_t code = (status_code_t)atoi(vectors_packets_statuses[i].code);
        uint8_t out[64];
        bundle_writer_t writer = { .bytes = out, .room = sizeof out };

        CHECK(status_add(&writer, code, slice(&about)) == PEER_OK, "status");
        check_equal(out + 2, writer.size - 2, vectors_packets_statuses[i].packet, "status");
        CHECK(packet_decode(slice(&bytes), &packet) == PEER_OK && packet.status == code, "status");
        check_equal(packet.body.bytes, packet.body.size, vectors_packets_statuses[i].echo, "echo");
    }
    for (size_t i = 0; i < COUNT(vectors_packets_statuses_refused); i++) {
        const blob_t bytes = unhex(vectors_packets_statuses_refused[i].packet);
        CHECK(packet_decode(slice(&bytes), &packet) == PEER_ERROR_MALFORMED,
              vectors_packets_statuses_refused[i].note);
    }
}

static void test_introductions(void)
{
    introduction_t introduction;
    slice_t rest;
    uint8_t out[INTRODUCTION_SIZE_MAX];

    for (size_t i = 0; i < COUNT(vectors_payloads_introductions); i++) {
        const char *hex = vectors_payloads_introductions[i].bytes;
        const blob_t bytes = unhex(hex);

        CHECK(introduction_decode(slice(&bytes), &introduction, &rest) == PEER_OK, hex);
        CHECK(rest.size == 0, hex);
        CHECK(strcmp(introduction.name, vectors_payloads_introductions[i].name) == 0, hex);
        CHECK(strcmp(introduction.address, vectors_payloads_introductions[i].address) == 0, hex);
        check_equal(out, introduction_encode(&introduction, out), hex, hex);
    }
    for (size_t i = 0; i < COUNT(vectors_payloads_introductions_refused); i++) {
        const blob_t bytes = unhex(vectors_payloads_introductions_refused[i].bytes);
        const peer_error_t error = introduction_decode(slice(&bytes), &introduction, &rest);
        CHECK(error == PEER_ERROR_MALFORMED || rest.size > 0,
              vectors_payloads_introductions_refused[i].note);
    }
}

/** Writes again what was read. */
static void copy_payload(plaintext_writer_t *writer, const payload_t *payload)
{
    uint8_t fixed[16];
    const slice_t letter_ack = { fixed, sizeof fixed };
    const slice_t part[] = { { fixed, sizeof fixed }, payload->bytes };

    switch (payload->kind) {
    case PAYLOAD_OUTBOX:
        CHECK(plaintext_add_outbox(writer, payload->epoch, payload->sequence), "outbox");
        break;
    case PAYLOAD_MESSAGE:
        CHECK(plaintext_add_message(writer, payload->sequence,
                                    (content_type_t)payload->bytes.bytes[0],
                                    (slice_t){ payload->bytes.bytes + 1, payload->bytes.size - 1 }),
              "message");
        break;
    case PAYLOAD_ACK:
        CHECK(plaintext_add_ack(writer, payload->epoch, payload->sequence, payload->bytes), "ack");
        break;
    case PAYLOAD_TIME:
        CHECK(plaintext_add_time(writer, payload->time_event, payload->unix_ms, payload->uptime_ms),
              "time");
        break;
    case PAYLOAD_PART:
        put_u64(fixed, payload->sequence);
        put_u32(fixed + 8, payload->part_index);
        put_u32(fixed + 12, payload->part_count);
        CHECK(plaintext_add(writer, PAYLOAD_PART, part, 2), "part");
        break;
    case PAYLOAD_LETTER_ACK:
        put_u64(fixed, payload->epoch);
        put_u64(fixed + 8, payload->sequence);
        CHECK(plaintext_add(writer, PAYLOAD_LETTER_ACK, &letter_ack, 1), "letter ack");
        break;
    }
}

static void test_plaintexts(void)
{
    for (size_t i = 0; i < COUNT(vectors_payloads_plaintexts); i++) {
        const char *note = vectors_payloads_plaintexts[i].note;
        const blob_t bytes = unhex(vectors_payloads_plaintexts[i].plaintext);
        slice_t payloads = slice(&bytes);
        uint8_t out[4096];
        plaintext_writer_t writer = { .bytes = out, .room = bytes.size };
        payload_t payload;

        CHECK(plaintext_unpad(&payloads) == PEER_OK, note);
        CHECK(payloads_check(payloads) == PEER_OK, note);
        while (payload_next(&payloads, &payload)) copy_payload(&writer, &payload);
        CHECK(!plaintext_add(&writer, PAYLOAD_TIME, &(slice_t){ out, 4096 }, 1), "no room");
        plaintext_finish(&writer);
        check_equal(out, writer.size, vectors_payloads_plaintexts[i].plaintext, note);
    }
    for (size_t i = 0; i < COUNT(vectors_payloads_plaintexts_refused); i++) {
        const blob_t bytes = unhex(vectors_payloads_plaintexts_refused[i].plaintext);
        slice_t payloads = slice(&bytes);
        peer_error_t error = plaintext_unpad(&payloads);

        if (error == PEER_OK) error = payloads_check(payloads);
        CHECK(error == PEER_ERROR_MALFORMED, vectors_payloads_plaintexts_refused[i].note);
    }
}

static void test_pairing_codes(void)
{
    uint8_t secret[PAIRING_SECRET_SIZE], psk[KEY_SIZE];
    char text[PAIRING_TEXT_SIZE + 1];

    for (size_t i = 0; i < COUNT(vectors_pairing_code_codes); i++) {
        const blob_t expected = unhex(vectors_pairing_code_codes[i].secret);
        const char *name = vectors_pairing_code_codes[i].text;

        CHECK(pairing_code_encode(expected.data, text) == PEER_OK && !strcmp(text, name), name);
        CHECK(pairing_code_decode(name, secret) == PEER_OK, name);
        CHECK(memcmp(secret, expected.data, sizeof secret) == 0, name);
        CHECK(pairing_code_psk(secret, psk) == PEER_OK, name);
        check_equal(psk, sizeof psk, vectors_pairing_code_codes[i].psk, name);
    }
    for (size_t i = 0; i < COUNT(vectors_pairing_code_spellings); i++) {
        const char *name = vectors_pairing_code_spellings[i].text;
        CHECK(pairing_code_decode(name, secret) == PEER_OK, name);
        check_equal(secret, sizeof secret, vectors_pairing_code_spellings[i].secret, name);
    }
    for (size_t i = 0; i < COUNT(vectors_pairing_code_refused); i++) {
        CHECK(pairing_code_decode(vectors_pairing_code_refused[i].text, secret)
                  == PEER_ERROR_MALFORMED, vectors_pairing_code_refused[i].note);
    }
}

static void test_comparison(void)
{
    char text[64];

    for (size_t i = 0; i < COUNT(vectors_comparison_commits); i++) {
        const blob_t s_a = unhex(vectors_comparison_commits[i].s_A);
        const blob_t e_a = unhex(vectors_comparison_commits[i].e_A);
        const blob_t r_a = unhex(vectors_comparison_commits[i].r_A);
        uint8_t commit[HASH_SIZE];
        CHECK(comparison_commit(s_a.data, e_a.data, r_a.data, commit) == PEER_OK, "commit");
        check_equal(commit, sizeof commit, vectors_comparison_commits[i].commit, "commit");
    }
    for (size_t i = 0; i < COUNT(vectors_comparison_codes); i++) {
        const blob_t e_a = unhex(vectors_comparison_codes[i].e_A);
        const blob_t e_b = unhex(vectors_comparison_codes[i].e_B);
        const blob_t s_a = unhex(vectors_comparison_codes[i].s_A);
        const blob_t s_b = unhex(vectors_comparison_codes[i].s_B);
        const blob_t r_a = unhex(vectors_comparison_codes[i].r_A);
        const blob_t r_b = unhex(vectors_comparison_codes[i].r_B);
        const comparison_t of = { e_a.data, e_b.data, s_a.data, s_b.data, r_a.data, r_b.data };
        CHECK(comparison_code(&of, text) == PEER_OK, "code");
        CHECK(strcmp(text, vectors_comparison_codes[i].code) == 0,
              vectors_comparison_codes[i].note);
    }
    for (size_t i = 0; i < COUNT(vectors_comparison_key_checks); i++) {
        const blob_t hash = unhex(vectors_comparison_key_checks[i].h);
        CHECK(key_check_value(hash.data, text) == PEER_OK, "key check");
        CHECK(strcmp(text, vectors_comparison_key_checks[i].key_check) == 0, "key check");
    }
    for (size_t i = 0; i < COUNT(vectors_comparison_fingerprints); i++) {
        const blob_t key = unhex(vectors_comparison_fingerprints[i].key);
        CHECK(fingerprint(key.data, text) == PEER_OK, "fingerprint");
        CHECK(strcmp(text, vectors_comparison_fingerprints[i].fingerprint) == 0, "fingerprint");
    }
}

static void test_gate(void)
{
    for (size_t i = 0; i < COUNT(vectors_gate_cases); i++) {
        const blob_t private_key = unhex(vectors_gate_cases[i].sender_private);
        const blob_t sender = unhex(vectors_gate_cases[i].sender_public);
        const blob_t receiver = unhex(vectors_gate_cases[i].receiver_public);
        const blob_t before = unhex(vectors_gate_cases[i].before_gate);
        uint8_t shared[KEY_SIZE], key[KEY_SIZE], gate[GATE_SIZE];
        uint32_t hint = 0;

        CHECK(crypto_dh(private_key.data, receiver.data, shared) == PEER_OK, "S");
        check_equal(shared, sizeof shared, vectors_gate_cases[i].S, "S");
        CHECK(gate_key(shared, key) == PEER_OK, "gate key");
        check_equal(key, sizeof key, vectors_gate_cases[i].gate_key, "gate key");
        CHECK(gate_hint(key, sender.data, &hint) == PEER_OK, "hint");
        CHECK(hint == strtoul(vectors_gate_cases[i].hint, NULL, 10), "hint");
        CHECK(gate_value(key, sender.data, slice(&before), gate) == PEER_OK, "gate");
        check_equal(gate, sizeof gate, vectors_gate_cases[i].gate, "gate");
    }
}

static void test_public_keys(void)
{
    uint8_t key[KEY_SIZE];

    memset(key, 0xFF, sizeof key);
    CHECK(!crypto_is_public_key(key), "bit 255");
    key[31] = 0x7F;
    for (unsigned low = 0; low < 256; low++) {
        key[0] = (uint8_t)low;
        CHECK(crypto_is_public_key(key) == (low < 0xED), "2^255 − 19");
    }
    key[7] = 0xFE;
    CHECK(crypto_is_public_key(key), "less");
    key[31] = 0x80;
    CHECK(!crypto_is_public_key(key), "bit 255");
}

static void test_transport(void)
{
    for (size_t i = 0; i < COUNT(vectors_transport_packets); i++) {
        const char *note = vectors_transport_packets[i].note;
        const blob_t bytes = unhex(vectors_transport_packets[i].packet);
        const blob_t key = unhex(vectors_transport_packets[i].key);
        packet_t packet;
        uint8_t out[4096];

        CHECK(packet_decode(slice(&bytes), &packet) == PEER_OK, note);
        CHECK(crypto_open(key.data, packet.counter, packet.header, packet.body, out) == PEER_OK,
              note);
        check_equal(out, packet.body.size - TAG_SIZE, vectors_transport_packets[i].plaintext, note);
    }
    for (size_t i = 0; i < COUNT(vectors_transport_refused); i++) {
        const blob_t bytes = unhex(vectors_transport_refused[i].packet);
        const blob_t key = unhex(vectors_transport_refused[i].key);
        const uint32_t index = (uint32_t)strtoul(vectors_transport_refused[i].index, NULL, 10);
        packet_t packet;
        uint8_t out[4096];
        peer_error_t error = packet_decode(slice(&bytes), &packet);

        if (error == PEER_OK && packet.index != index) error = PEER_ERROR_UNKNOWN;
        if (error == PEER_OK) {
            error = crypto_open(key.data, packet.counter, packet.header, packet.body, out);
        }
        CHECK(error != PEER_OK, vectors_transport_refused[i].note);
    }
}

static void test_acks(void)
{
    sequence_window_t window = { 0 };
    static const char *const VERDICTS[] = { "fresh", "repeat", "beyond" };

    for (size_t i = 0; i < COUNT(vectors_acks_steps); i++) {
        const uint64_t lowest = strtoull(vectors_acks_steps[i].lowest, NULL, 10);
        const uint64_t sequence = strtoull(vectors_acks_steps[i].sequence, NULL, 10);
        uint8_t out[256];
        plaintext_writer_t writer = { .bytes = out, .room = sizeof out };

        sequence_window_raise(&window, lowest);
        const sequence_verdict_t verdict = sequence_window_judge(&window, sequence);
        CHECK(strcmp(VERDICTS[verdict], vectors_acks_steps[i].verdict) == 0, "verdict");
        if (verdict == SEQUENCE_FRESH) sequence_window_add(&window, sequence);
        CHECK(window.next == strtoull(vectors_acks_steps[i].next, NULL, 10), "next");
        const slice_t bitmap = { window.bitmap, sequence_window_bitmap_size(&window) };
        CHECK(plaintext_add_ack(&writer, 9, window.next, bitmap), "ack");
        check_equal(out + PAYLOAD_HEADER_SIZE, writer.size - PAYLOAD_HEADER_SIZE,
                    vectors_acks_steps[i].ack, "ack");
    }
}

/** Both windows against a list of everything that was seen. */
static void test_windows_against_lists(void)
{
    static bool seen[8192];
    replay_window_t replay = { 0 };
    sequence_window_t sequences = { 0 };
    uint64_t newest = 0, next = 0;
    uint32_t seed = 7;

    for (int round = 0; round < 60000; round++) {
        seed = seed * 1664525u + 1013904223u;
        if (round == 30000) memset(seen, 0, sizeof seen);
        if (round < 30000) {
            /* Most of them around the window's far edge, and around its newest counter. */
            const uint64_t around = (seed >> 31) != 0 ? newest + 3 : newest - 62;
            const uint64_t counter = around - (seed >> 8) % 6;
            if (counter >= COUNT(seen)) continue;
            const bool is_new = !seen[counter] && (newest < 64 || counter > newest - 64);
            CHECK(replay_window_accept(&replay, counter) == is_new, "replay window");
            seen[counter] = true;
            if (counter > newest) newest = counter;
            continue;
        }
        const uint64_t far = (seed >> 30) == 0 ? 1020 : 0;
        const uint64_t sequence = next + far + (seed >> 8) % 8 - 2;
        if (sequence + 1 >= COUNT(seen)) continue;
        const bool is_received = sequence < next || seen[sequence];
        const sequence_verdict_t expected = is_received              ? SEQUENCE_REPEAT
                                            : sequence > next + 1024 ? SEQUENCE_BEYOND
                                                                     : SEQUENCE_FRESH;
        CHECK(sequence_window_judge(&sequences, sequence) == expected, "sequence window");
        if (expected != SEQUENCE_FRESH) continue;
        sequence_window_add(&sequences, sequence);
        seen[sequence] = true;
        while (next < COUNT(seen) && seen[next]) next++;
        CHECK(sequences.next == next, "next");
    }
    CHECK(newest > 4000 && next > 4000, "the edges were met");
}

int main(void)
{
    CHECK(crypto_start() == PEER_OK, "start");
    test_bundles();
    test_packets();
    test_introductions();
    test_plaintexts();
    test_pairing_codes();
    test_comparison();
    test_gate();
    test_public_keys();
    test_transport();
    test_acks();
    test_windows_against_lists();
    puts("wire: ok");
    return 0;
}
