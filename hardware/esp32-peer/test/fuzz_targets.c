/*
 * Goal: no bytes, whatever they are, make a decoder of the core read or write where it must not.
 * Method: each decoder on its own; the sanitizers watch, and each checks what must hold of
 * whatever it returned. What keeps a state is in fuzz_states.c.
 */
#include "fuzz_targets.h"

#include "check.h"
#include "peer/bytes.h"
#include "peer/device.h"
#include "peer/phantom.h"

static void fuzz_frame(const uint8_t *bytes, size_t size)
{
    frame_reader_t reader = { 0 };
    read_event_t event;
    uint8_t again[FRAME_SIZE_MAX];
    size_t again_size = 0;

    for (size_t at = 0; at < size;) {
        at += frame_reader_read(&reader, bytes + at, size - at, &event);
        CHECK(reader.size <= FRAME_CODED_SIZE_MAX, "bounded");
        if (event.kind != READ_FRAME) continue;
        CHECK(event.frame.payload_size <= FRAME_PAYLOAD_SIZE_MAX, "payload");
        CHECK(frame_encode(&event.frame, again, sizeof again, &again_size) == PEER_OK, "again");
    }
}

static void fuzz_line(const uint8_t *bytes, size_t size)
{
    static serial_line_t line;
    uint8_t out[FRAME_SIZE_MAX];
    line_event_t event;
    uint64_t now_ms = 0;

    serial_line_init(&line, 7, "fuzz", 115200, now_ms);
    for (size_t at = 0; at < size; now_ms += 20) {
        at += serial_line_receive(&line, bytes + at, size - at, now_ms, &event);
        CHECK(event.kind != LINE_RECORD || event.size <= LINE_MTU, "record");
        if (serial_line_is_idle(&line)) (void)!serial_line_send(&line, CHANNEL_PACKETS, bytes, 8);
        while (serial_line_poll(&line, now_ms, out, &event) > 0) now_ms += 60;
    }
}

static void fuzz_packet(const uint8_t *bytes, size_t size)
{
    slice_t rest = bytes_of(bytes, size), whole;
    packet_t packet;
    size_t sum = 0;

    while (bundle_next(&rest, &whole)) {
        sum += 2 + whole.size;
        if (packet_decode(whole, &packet) != PEER_OK) continue;
        CHECK(packet.header.size + packet.body.size == whole.size, "header and body are all");
    }
    CHECK(bundle_is_exact(bytes_of(bytes, size)) == (sum == size), "framing");
    (void)!packet_decode(bytes_of(bytes, size), &packet);
}

static void fuzz_payloads(const uint8_t *bytes, size_t size)
{
    slice_t plaintext = bytes_of(bytes, size);
    payload_t payload;

    if (plaintext_unpad(&plaintext) != PEER_OK) plaintext = bytes_of(bytes, size);
    if (payloads_check(plaintext) != PEER_OK) return;
    while (payload_next(&plaintext, &payload)) {
        CHECK(payload.kind != PAYLOAD_PART || payload.part_index < payload.part_count, "part");
    }
    CHECK(plaintext.size == 0, "what was checked is read to its end");
}

static void fuzz_introduction(const uint8_t *bytes, size_t size)
{
    introduction_t introduction, again;
    uint8_t out[INTRODUCTION_SIZE_MAX];
    slice_t rest;

    (void)is_utf8(bytes_of(bytes, size));
    (void)is_address(bytes_of(bytes, size));
    if (introduction_decode(bytes_of(bytes, size), &introduction, &rest) != PEER_OK) return;
    const size_t out_size = introduction_encode(&introduction, out);
    CHECK(introduction_decode(bytes_of(out, out_size), &again, &rest) == PEER_OK, "again");
    CHECK(memcmp(&introduction, &again, sizeof again) == 0, "the same");
}

/** The first byte chooses pattern and side; both sides' keys are known, so some may be right. */
static void fuzz_handshake(const uint8_t *bytes, size_t size)
{
    static const uint8_t psk[KEY_SIZE];
    key_pair_t own = { .private_key = { 1 } }, other = { .private_key = { 2 } };
    uint8_t payload[FUZZ_INPUT_SIZE_MAX], out[512];
    size_t payload_size = 0, out_size = 0;
    handshake_state_t state;

    if (size == 0) return;
    const pattern_id_t pattern = (pattern_id_t)(bytes[0] % PATTERNS);
    const bool knows = pattern == PATTERN_KKPSK0 || pattern == PATTERN_K;
    const bool has_psk = pattern == PATTERN_KKPSK0 || pattern == PATTERN_XXPSK3;
    const bool is_initiator = (bytes[0] & 0x80) != 0;
    CHECK(crypto_public_key(&own) == PEER_OK && crypto_public_key(&other) == PEER_OK, "keys");
    const handshake_config_t config = { .pattern = pattern,
                                        .is_initiator = is_initiator,
                                        .prologue = bytes_of(psk, 8),
                                        .static_keys = &own,
                                        .ephemeral_private = own.private_key,
                                        .remote_static = knows ? other.public_key : NULL,
                                        .psk = has_psk ? psk : NULL };
    CHECK(handshake_start(&state, &config) == PEER_OK, "start");
    if (is_initiator) {
        CHECK(handshake_write(&state, bytes_of(bytes, 0), out, sizeof out, &out_size) == PEER_OK, "1");
    }
    if (handshake_read(&state, bytes_of(bytes + 1, size - 1), payload, &payload_size) != PEER_OK) return;
    CHECK(payload_size < size, "no longer than its message");
    if (handshake_is_finished(&state)) return;
    /* A point of small order came in the clear: found when it is used, and refused. */
    const peer_error_t error = handshake_write(&state, bytes_of(bytes, 0), out, sizeof out, &out_size);
    CHECK(error == PEER_OK || error == PEER_ERROR_UNAUTHENTICATED, "next");
}

size_t fuzz_seal_letter(const peer_t *reader, contact_t *from, slice_t plaintext, uint8_t *out)
{
    static const uint8_t ephemeral[KEY_SIZE] = { 3 };
    key_pair_t writer = { .private_key = { 2 } };
    uint8_t prologue[PROLOGUE_SIZE];
    handshake_state_t state;
    size_t noise_size = 0;

    CHECK(crypto_public_key(&writer) == PEER_OK, "key");
    memcpy(from->record.public_key, writer.public_key, KEY_SIZE);
    prologue_encode(PACKET_LETTER, prologue);
    const handshake_config_t config = { .pattern = PATTERN_K,
                                        .is_initiator = true,
                                        .prologue = bytes_of(prologue, sizeof prologue),
                                        .static_keys = &writer,
                                        .ephemeral_private = ephemeral,
                                        .remote_static = reader->static_keys.public_key };
    const size_t head = header_encode(PACKET_LETTER, 5, 0, out);
    CHECK(handshake_start(&state, &config) == PEER_OK, "start");
    CHECK(handshake_write(&state, plaintext, out + head, FUZZ_INPUT_SIZE_MAX + 256 - head, &noise_size)
              == PEER_OK, "write");
    return head + noise_size;
}

/** A letter as it comes, and any plaintext in one that is sealed right. */
static void fuzz_letter(const uint8_t *bytes, size_t size)
{
    static peer_t reader;
    uint8_t whole[FUZZ_INPUT_SIZE_MAX + 256], plaintext[sizeof whole];
    contact_t *from = &reader.contacts[0];
    packet_t packet;
    slice_t payloads;

    if (reader.static_keys.private_key[0] == 0) {
        reader.static_keys.private_key[0] = 1;
        CHECK(crypto_public_key(&reader.static_keys) == PEER_OK, "key");
    }
    const size_t sealed_size = fuzz_seal_letter(&reader, from, bytes_of(bytes, size), whole);
    if (packet_decode(bytes_of(whole, sealed_size), &packet) == PEER_OK
        && letter_read(&reader, from, &packet, plaintext, &payloads) == PEER_OK) {
        CHECK(payloads.size < size, "padding went");
    }
    const size_t head = header_encode(PACKET_LETTER, 5, 0, whole);
    memcpy(whole + head, bytes, size);
    if (packet_decode(bytes_of(whole, head + size), &packet) != PEER_OK) return;
    (void)!letter_read(&reader, from, &packet, plaintext, &payloads);
}

static void fuzz_pairing_code(const uint8_t *bytes, size_t size)
{
    char text[FUZZ_INPUT_SIZE_MAX + 1], again[PAIRING_TEXT_SIZE + 1];
    uint8_t secret[PAIRING_SECRET_SIZE], same[PAIRING_SECRET_SIZE];

    memcpy(text, bytes, size);
    text[size] = '\0';
    if (pairing_code_decode(text, secret) != PEER_OK) return;
    CHECK(pairing_code_encode(secret, again) == PEER_OK, "encode");
    CHECK(pairing_code_decode(again, same) == PEER_OK && memcmp(secret, same, 16) == 0, "same");
}

/** Readings of any numbers: the encoder keeps to its room. */
static void fuzz_senml(const uint8_t *bytes, size_t size)
{
    reading_t readings[SENML_READINGS_MAX] = { 0 };
    uint8_t numbers[SENML_READINGS_MAX * 64] = { 0 }, *out;
    health_t health;
    size_t written = 0;

    if (size < 4) return;
    const size_t count = 1 + bytes[0] % SENML_READINGS_MAX;
    const size_t room = (size_t)bytes[1] * 8;
    memcpy(numbers, bytes + 4, size - 4 < sizeof numbers ? size - 4 : sizeof numbers);
    memset(&health, bytes[3], sizeof health);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = numbers + 64 * i;

        readings[i].time_ms = get_u64(at) % UINT64_C(7258118400000);
        if (i > 0 && readings[i].time_ms < readings[0].time_ms) readings[i].time_ms = readings[0].time_ms;
        readings[i].is_unsure = (bytes[2] & 1) != 0;
        readings[i].measurement.present = get_u16(at + 8) & ((1u << VALUES) - 1);
        for (int v = 0; v < VALUES; v++) readings[i].measurement.values[v] = (int32_t)get_u32(at + 10 + 4 * v);
    }
    out = malloc(room + 1); /* The sanitizer watches its end. */
    CHECK(out != NULL, "memory");
    const bool has_health = (bytes[2] & 2) != 0;
    const peer_error_t error =
        senml_encode("fuzz", readings, count, has_health ? &health : NULL, out, room, &written);
    CHECK(error == PEER_ERROR_NO_ROOM || written <= room, "room");
    CHECK(error != PEER_ERROR_NO_ROOM || room < SENML_SIZE_MAX, "the widest fits");
    free(out);
}

/** Any picture, any letter: it holds it and was changed by single steps, or is as it was. */
static void fuzz_picture(const uint8_t *bytes, size_t size)
{
    static hiding_t work;
    static picture_t picture, before;
    static const uint8_t key[KEY_SIZE] = { 9 };
    uint8_t out[300];
    png_stream_t stream;

    if (size < 4) return;
    picture.width = (uint16_t)(PICTURE_SIDE_MIN - 2 + bytes[0] % 48);
    picture.height = (uint16_t)(PICTURE_SIDE_MIN - 2 + bytes[1] % 48);
    for (size_t i = 0; i < sizeof picture.samples; i++) picture.samples[i] = bytes[i % size];
    if ((bytes[3] & 2) != 0) phantom_draw(&picture, picture.width, picture.height, bytes[2]);
    before = picture;
    const slice_t payload = bytes_of(bytes, bytes[2] % size);
    const peer_error_t error =
        bytes[3] % 2 == 0 ? histogram_embed(&work, &picture, payload, key, bytes[3] / 4 * 64u)
                          : histogram_hide(&work, &picture, payload, key);
    if (error != PEER_OK) {
        CHECK(memcmp(&before, &picture, sizeof picture) == 0, "as it was");
        return;
    }
    for (size_t i = 0; i < sizeof picture.samples; i++) {
        const int step = picture.samples[i] - before.samples[i];
        CHECK(step >= -1 && step <= 1, "one step");
    }
    png_stream_start(&stream, &picture);
    for (size_t at = 0; at < png_size(&picture); at += sizeof out) png_stream_read(&stream, out, sizeof out);
}

const fuzz_target_t FUZZ_TARGETS[FUZZ_TARGETS_COUNT] = {
    { "frame", fuzz_frame },
    { "line", fuzz_line },
    { "packet", fuzz_packet },
    { "payloads", fuzz_payloads },
    { "introduction", fuzz_introduction },
    { "handshake", fuzz_handshake },
    { "letter", fuzz_letter },
    { "letter_box", fuzz_letter_box },
    { "pairing_code", fuzz_pairing_code },
    { "senml", fuzz_senml },
    { "picture", fuzz_picture },
    { "store", fuzz_store },
    { "start", fuzz_start },
    { "session", fuzz_session },
    { "console", fuzz_console },
    { "device", fuzz_device },
};
