/*
 * Goal: the serial line's C side does to the byte what the TypeScript side does.
 * Method: the same vectors; then two lines over a channel that misbehaves by a seed.
 */
#include "check.h"
#include "peer/bytes.h"
#include "peer/serial_frame.h"
#include "peer/serial_line.h"
#include "vectors.h"

static const char *const TYPES[] = { "", "hello", "data", "ack", "log" };
static const char *const CHANNELS[] = { "link", "packets", "verbs", "log" };
static const char *const NOISES[] = { "cobs", "crc", "size", "foreign" };

static int index_of(const char *name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) return i;
    }
    fprintf(stderr, "unknown name %s\n", name);
    exit(1);
}

static void test_crc_vectors(void)
{
    for (size_t i = 0; i < COUNT(vectors_serial_frame_crc); i++) {
        const blob_t bytes = unhex(vectors_serial_frame_crc[i].bytes);
        const uint32_t expected = (uint32_t)strtoul(vectors_serial_frame_crc[i].crc, NULL, 16);
        CHECK(crc32_of(bytes.data, bytes.size) == expected, "crc");
    }
}

static void test_frame_vectors(void)
{
    for (size_t i = 0; i < COUNT(vectors_serial_frame_frames); i++) {
        const char *name = vectors_serial_frame_frames[i].name;
        const blob_t payload = unhex(vectors_serial_frame_frames[i].payload);
        blob_t line = unhex(vectors_serial_frame_frames[i].line);
        const frame_t frame = {
            .type = (frame_type_t)index_of(vectors_serial_frame_frames[i].type, TYPES, 5),
            .channel = (channel_t)index_of(vectors_serial_frame_frames[i].channel, CHANNELS, 4),
            .more = strcmp(vectors_serial_frame_frames[i].more, "true") == 0,
            .seq = (uint8_t)atoi(vectors_serial_frame_frames[i].seq),
            .ack = (uint8_t)atoi(vectors_serial_frame_frames[i].ack),
            .payload = payload.data,
            .payload_size = payload.size,
        };
        uint8_t out[FRAME_SIZE_MAX];
        size_t size = 0;
        frame_t decoded;
        noise_t noise;

        CHECK(frame_encode(&frame, out, sizeof out, &size) == PEER_OK, name);
        CHECK(size == line.size && memcmp(out, line.data, size) == 0, name);
        CHECK(frame_decode(line.data + 1, line.size - 2, &decoded, &noise), name);
        CHECK(decoded.type == frame.type && decoded.channel == frame.channel, name);
        CHECK(decoded.more == frame.more && decoded.seq == frame.seq, name);
        CHECK(decoded.ack == frame.ack && decoded.payload_size == payload.size, name);
        CHECK(memcmp(decoded.payload, payload.data, payload.size) == 0, name);
        CHECK(frame_encode(&frame, out, payload.size + 8, &size) == PEER_ERROR_NO_ROOM, name);
    }
}

static void add_event(char *told, size_t room, const char *kind, const uint8_t *bytes, size_t size)
{
    if (told[0] != '\0') strncat(told, ";", room - strlen(told) - 1);
    strncat(told, kind, room - strlen(told) - 1);
    if (size > 0) strncat(told, " ", room - strlen(told) - 1);
    put_hex(told, room, bytes, size);
}

static void read_chunk(frame_reader_t *reader, const blob_t *chunk, char *told, size_t room)
{
    char kind[32];

    for (size_t at = 0; at < chunk->size;) {
        read_event_t event;

        at += frame_reader_read(reader, chunk->data + at, chunk->size - at, &event);
        if (event.kind == READ_TEXT) {
            add_event(told, room, "text", event.text, event.text_size);
        } else if (event.kind == READ_NOISE) {
            snprintf(kind, sizeof kind, "noise %s", NOISES[event.noise]);
            add_event(told, room, kind, NULL, 0);
        } else if (event.kind == READ_FRAME) {
            snprintf(kind, sizeof kind, "frame %s", TYPES[event.frame.type]);
            add_event(told, room, kind, event.frame.payload, event.frame.payload_size);
        }
    }
}

static void test_stream_vectors(void)
{
    for (size_t i = 0; i < COUNT(vectors_serial_frame_streams); i++) {
        frame_reader_t reader = { 0 };
        char told[8192] = "";
        const char *chunk = vectors_serial_frame_streams[i].chunks;

        while (chunk != NULL) {
            const blob_t bytes = unhex(chunk);
            read_chunk(&reader, &bytes, told, sizeof told);
            chunk = strchr(chunk, ';');
            if (chunk != NULL) chunk++;
        }
        CHECK(strcmp(told, vectors_serial_frame_streams[i].events) == 0, vectors_serial_frame_streams[i].name);
    }
}

static void tell(const line_event_t *event, char *told, size_t room)
{
    char kind[32];

    switch (event->kind) {
    case LINE_NOTHING: break;
    case LINE_UP: add_event(told, room, "up", NULL, 0); break;
    case LINE_DOWN: add_event(told, room, "down", NULL, 0); break;
    case LINE_DOWN_UP: add_event(told, room, "down;up", NULL, 0); break;
    case LINE_TEXT: add_event(told, room, "text", event->bytes, event->size); break;
    case LINE_RECORD:
        snprintf(kind, sizeof kind, "record %s", CHANNELS[event->channel]);
        add_event(told, room, kind, event->bytes, event->size);
    }
}

static void run_step(serial_line_t *line, size_t i)
{
    const char *name = vectors_serial_line_steps[i].scenario, *step = vectors_serial_line_steps[i].step;
    const uint64_t now_ms = strtoull(vectors_serial_line_steps[i].at_ms, NULL, 10);
    const blob_t argument = unhex(vectors_serial_line_steps[i].argument);
    char told[8192] = "", frame_hex[2 * FRAME_SIZE_MAX + 1] = "";
    uint8_t out[FRAME_SIZE_MAX];
    line_event_t event;

    if (strcmp(step, "start") == 0) {
        serial_line_init(line, get_u64(argument.data), "twin 1", 115200, now_ms);
    } else if (strncmp(step, "send ", 5) == 0) {
        const channel_t channel = (channel_t)index_of(step + 5, CHANNELS, 4);
        const bool taken = serial_line_send(line, channel, argument.data, argument.size);
        CHECK(strcmp(taken ? "taken" : "refused", vectors_serial_line_steps[i].frame) == 0, name);
        return;
    } else if (strcmp(step, "receive") == 0) {
        for (size_t at = 0; at < argument.size;) {
            at += serial_line_receive(line, argument.data + at, argument.size - at, now_ms, &event);
            tell(&event, told, sizeof told);
        }
    } else {
        const size_t size = serial_line_poll(line, now_ms, out, &event);
        tell(&event, told, sizeof told);
        put_hex(frame_hex, sizeof frame_hex, out, size);
    }
    CHECK(strcmp(frame_hex, vectors_serial_line_steps[i].frame) == 0, name);
    CHECK(strcmp(told, vectors_serial_line_steps[i].events) == 0, name);
}

static void test_line_vectors(void)
{
    static serial_line_t line;

    for (size_t i = 0; i < COUNT(vectors_serial_line_steps); i++) run_step(&line, i);
}

static uint32_t random_state;

/** Uniform in 0 … bound − 1; a small generator, so that a failing seed can be run again. */
static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)random_state * bound >> 32);
}

typedef struct {
    serial_line_t line;
    uint32_t boots, sent, last, received;
} side_t;

static void boot(side_t *side, uint64_t name, uint64_t now_ms)
{
    side->boots++;
    serial_line_init(&side->line, name << 40 | (uint64_t)side->boots << 20 | 1, "test", 115200,
                     now_ms);
}

/** Numbers its records, so that the other side sees what comes twice or late. */
static void offer(side_t *side)
{
    uint8_t record[LINE_MTU] = { 0 };
    const size_t size = random_below(8) == 0 ? 4 + random_below(LINE_MTU - 4) : 4;

    put_u32(record, side->sent + 1);
    if (serial_line_send(&side->line, CHANNEL_PACKETS, record, size)) side->sent++;
}

static void hear(side_t *side, const uint8_t *bytes, size_t size, uint64_t now_ms)
{
    for (size_t at = 0; at < size;) {
        line_event_t event;

        at += serial_line_receive(&side->line, bytes + at, size - at, now_ms, &event);
        if (event.kind != LINE_RECORD) continue;
        CHECK(get_u32(event.bytes) > side->last, "in order and never twice");
        side->last = get_u32(event.bytes);
        side->received++;
    }
}

static size_t mangle(const uint8_t *frame, size_t size, uint32_t one_in, uint8_t *out)
{
    size_t end = 0;

    for (size_t i = 0; i < size; i++) {
        if (random_below(one_in) == 0) continue;
        const unsigned flip = random_below(one_in) == 0 ? 1u << random_below(8) : 0;
        out[end++] = (uint8_t)(frame[i] ^ flip);
        if (random_below(one_in) == 0) out[end++] = frame[i];
    }
    return end;
}

static void test_bad_line(void)
{
    static side_t sides[2];

    for (uint32_t seed = 1; seed <= 40; seed++) {
        memset(sides, 0, sizeof sides);
        random_state = seed;
        boot(&sides[0], 1, 0);
        boot(&sides[1], 2, 0);
        for (uint64_t now_ms = 0; now_ms < 60000; now_ms += 5) {
            const bool is_bad = now_ms < 40000;
            for (int i = 0; i < 2; i++) {
                uint8_t frame[FRAME_SIZE_MAX], heard[2 * FRAME_SIZE_MAX];
                line_event_t event;

                if (is_bad && random_below(2000) == 0) boot(&sides[i], (uint64_t)i + 1, now_ms);
                if (random_below(5) == 0) offer(&sides[i]);
                const size_t size = serial_line_poll(&sides[i].line, now_ms, frame, &event);
                const size_t kept = mangle(frame, size, is_bad ? 400 : UINT32_MAX, heard);
                hear(&sides[1 - i], heard, kept, now_ms);
            }
        }
        for (int i = 0; i < 2; i++) {
            CHECK(sides[i].line.is_up && sides[i].received > 200, "recovers");
        }
    }
}

int main(void)
{
    test_crc_vectors();
    test_frame_vectors();
    test_stream_vectors();
    test_line_vectors();
    test_bad_line();
    puts("serial: ok");
    return 0;
}
