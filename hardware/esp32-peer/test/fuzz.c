/*
 * Goal: no bytes, whatever they are, make a decoder of the core read or write where it must not.
 * Method: the vectors as corpus, mutated by a seed, into each decoder, the line, and a whole peer;
 * the sanitizers watch. With clang: -fsanitize=fuzzer -DLIBFUZZER instead of the small driver here.
 *
 *     build/fuzz ROUNDS [SEED]
 */
#include "check.h"
#include "peer/device.h"
#include "peer/introduction.h"
#include "peer/payload.h"
#include "vectors.h"

enum { INPUT_SIZE_MAX = 2100 };

static device_t device;
static peer_port_t port;

static bool load(void *context, const char *name, void *value, size_t size)
{
    (void)context, (void)name, (void)value, (void)size;
    return false;
}

static bool save(void *context, const char *name, const void *value, size_t size)
{
    (void)context, (void)name, (void)value, (void)size;
    return true;
}

static bool erase(void *context, const char *name)
{
    (void)context, (void)name;
    return true;
}

static void count_up(void *context, uint8_t *out, size_t size)
{
    static uint8_t next;
    (void)context;
    for (size_t i = 0; i < size; i++) out[i] = ++next;
}

static void print(void *context, const char *text)
{
    (void)context, (void)text;
}

static void start(void)
{
    char code[PAIRING_TEXT_SIZE + 1];

    port = (peer_port_t){ NULL, count_up, { NULL, load, save, erase } };
    CHECK(crypto_start() == PEER_OK, "start");
    CHECK(peer_start(&device.peer, &port, "fuzz", "") == PEER_OK, "start");
    CHECK(peer_make_code(&device.peer, code) == PEER_OK, "code");
    device_start(&device, (device_console_t){ NULL, print }, 1, 115200, 0);
}

static void fuzz_decoders(const uint8_t *bytes, size_t size)
{
    slice_t rest = { bytes, size }, plaintext = rest, packet_bytes, after;
    introduction_t introduction;
    payload_t payload;
    packet_t packet;
    char text[INPUT_SIZE_MAX + 1];
    uint8_t secret[PAIRING_SECRET_SIZE];

    (void)!packet_decode(rest, &packet);
    (void)!introduction_decode(rest, &introduction, &after);
    while (bundle_next(&rest, &packet_bytes)) (void)!packet_decode(packet_bytes, &packet);
    if (plaintext_unpad(&plaintext) == PEER_OK && payloads_check(plaintext) == PEER_OK) {
        while (payload_next(&plaintext, &payload)) continue;
        CHECK(plaintext.size == 0, "what was checked is read to its end");
    }
    memcpy(text, bytes, size);
    text[size] = '\0';
    (void)!pairing_code_decode(text, secret);
}

static void fuzz_console(const uint8_t *bytes, size_t size, uint64_t now_ms)
{
    char line[DEVICE_LINE_SIZE_MAX];
    const size_t used = size < sizeof line - 1 ? size : sizeof line - 1;

    memcpy(line, bytes, used);
    line[used] = '\0';
    device_command(&device, line, now_ms);
}

static void fuzz(const uint8_t *bytes, size_t size)
{
    static uint64_t now_ms;
    uint8_t out[PEER_BUNDLE_SIZE_MAX], frame[FRAME_SIZE_MAX];
    size_t out_size = 0;

    now_ms += 200;
    fuzz_decoders(bytes, size);
    (void)!peer_receive(&device.peer, (slice_t){ bytes, size }, now_ms, out, sizeof out, &out_size);
    peer_reply(&device.peer, &device.peer.contacts[0], (slice_t){ bytes, size }, now_ms);
    device_receive(&device, bytes, size, now_ms);
    for (int i = 0; i < 4; i++) (void)device_poll(&device, now_ms, frame);
    fuzz_console(bytes, size, now_ms);
    device_tell_news(&device);
}

#ifdef LIBFUZZER
int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count, (void)arguments;
    start();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size <= INPUT_SIZE_MAX) fuzz(bytes, size);
    return 0;
}
#else
static uint32_t seed = 1;

static uint32_t random_below(uint32_t bound)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * bound >> 32);
}

/** One of the vectors that the decoders are for, or what a person types. */
static size_t pick(uint8_t *out)
{
    static const char *const TYPED[] = { "pair", "use 0@http://a:1", "send_msg x", "show", "send_keys" };
    const uint32_t kind = random_below(6);
    const char *hex = kind == 0   ? vectors_packets_packets[random_below(COUNT(vectors_packets_packets))].packet
                      : kind == 1 ? vectors_payloads_plaintexts[random_below(COUNT(vectors_payloads_plaintexts))].plaintext
                      : kind == 2 ? vectors_serial_line_steps[random_below(COUNT(vectors_serial_line_steps))].argument
                      : kind == 3 ? vectors_payloads_introductions[random_below(COUNT(vectors_payloads_introductions))].bytes
                                  : vectors_serial_frame_frames[random_below(COUNT(vectors_serial_frame_frames))].line;
    const blob_t blob = unhex(hex);
    const char *typed = TYPED[random_below(COUNT(TYPED))];
    const size_t size = kind == 5 ? strlen(typed) : blob.size < 1000 ? blob.size : 1000;

    memcpy(out, kind == 5 ? (const void *)typed : blob.data, size);
    return size;
}

/** Some of them framed as a bundle, so that the peer looks at the packet inside. */
static size_t wrap(uint8_t *bytes, size_t size)
{
    if (size == 0 || random_below(2) == 0) return size;
    memmove(bytes + 2, bytes, size);
    bytes[0] = (uint8_t)(size >> 8);
    bytes[1] = (uint8_t)size;
    return size + 2;
}

static size_t mutate(uint8_t *bytes, size_t size)
{
    for (uint32_t changes = random_below(5); changes > 0 && size > 0; changes--) {
        const uint32_t at = random_below((uint32_t)size);
        const uint32_t how = random_below(4);

        if (how == 0) bytes[at] ^= (uint8_t)(1u << random_below(8));
        if (how == 1) bytes[at] = (uint8_t)random_below(256);
        if (how == 2) size = at;
        if (how == 3 && size < 1000) {
            memmove(bytes + at + 1, bytes + at, size - at);
            size++;
        }
    }
    return size;
}

int main(int count, char **arguments)
{
    const unsigned long rounds = count > 1 ? strtoul(arguments[1], NULL, 10) : 20000;
    uint8_t *bytes = malloc(INPUT_SIZE_MAX);

    if (count > 2) seed = (uint32_t)strtoul(arguments[2], NULL, 10);
    CHECK(bytes != NULL, "memory");
    start();
    for (unsigned long round = 0; round < rounds; round++) {
        size_t size = wrap(bytes, mutate(bytes, pick(bytes)));
        if (random_below(8) == 0) size += pick(bytes + size);
        /* Exactly as large as the input, so that the sanitizer watches its end. */
        uint8_t *exact = malloc(size + 1);
        CHECK(exact != NULL, "memory");
        memcpy(exact, bytes, size);
        fuzz(exact, size);
        free(exact);
    }
    free(bytes);
    printf("fuzz: ok, %lu rounds\n", rounds);
    return 0;
}
#endif
