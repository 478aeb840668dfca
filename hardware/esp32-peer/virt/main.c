/*
 * The core on QEMU's virt machine, rv32imc as the ESP32-C3: it counts what the core costs.
 *
 *     RANDOM NUMBERS AND PAIRING CODE HERE ARE KNOWN TO EVERYBODY. FOR COUNTING ONLY.
 *
 * The UART is the serial line; figures leave as LOG frames. Every text that arrives goes back to
 * its sender; the text "figures" brings the figures, "off" ends the machine.
 */
#include <inttypes.h>
#include <psa/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "memory_store.h"
#include "peer/device.h"

enum { BAUD = 115200, SEALED_SIZE = 64, KEYS = 4 };

typedef struct {
    uint64_t x25519, spread, sha256, seal_64; /* spread: most less least of several keys. */
    uint64_t meeting;            /* All that the core did until it was paired. */
    uint64_t after;              /* All that it did since then … */
    uint32_t messages;           /* … for so many texts, in and out. */
} figures_t;

static device_t device;
static figures_t figures;

/** Xorshift from a fixed seed: the same in every run. */
static void random_bytes(void *context, uint8_t *out, size_t size)
{
    static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

    (void)context;
    for (size_t i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out[i] = (uint8_t)(state >> 32);
    }
}

/* psa_crypto.c asks here; MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG. */
psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context,
                                             uint8_t *out, size_t room, size_t *size);

psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context,
                                             uint8_t *out, size_t room, size_t *size)
{
    random_bytes(context, out, room);
    *size = room;
    return PSA_SUCCESS;
}

__attribute__((format(printf, 1, 2)))
static void tell(const char *format, ...)
{
    char text[200];
    uint8_t frame[FRAME_SIZE_MAX];
    va_list arguments;

    va_start(arguments, format);
    const int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size > 0) board_write(frame, serial_line_log((uint8_t *)text, (size_t)size, frame));
}

static void print(void *context, const char *text)
{
    (void)context;
    (void)text; /* This machine has no console of its own. */
}

static void warn(void)
{
    tell("virt: random numbers and pairing code are known to everybody: for counting only");
}

static void fail(const char *what)
{
    tell("virt: failed: %s", what);
    board_off();
}

/** Single operations. */
static void count_operations(void)
{
    static session_t session;
    key_pair_t keys;
    uint8_t plaintext[SEALED_SIZE + 16] = { 0 }, sealed[sizeof plaintext + TRANSPORT_OVERHEAD];
    uint8_t shared[KEY_SIZE], hash[HASH_SIZE];
    const slice_t part = { plaintext, SEALED_SIZE };
    uint64_t before, least = UINT64_MAX;

    for (int i = 0; i < KEYS; i++) {
        random_bytes(NULL, keys.private_key, KEY_SIZE);
        /* The last is all bits; what it costs must not tell them apart from random ones. */
        if (i == KEYS - 1) memset(keys.private_key, 0xFF, KEY_SIZE);
        if (crypto_public_key(&keys) != PEER_OK) fail("public key");
        before = board_instructions();
        if (crypto_dh(keys.private_key, keys.public_key, shared) != PEER_OK) fail("x25519");
        const uint64_t cost = board_instructions() - before;
        if (cost < least) least = cost;
        if (cost > figures.x25519) figures.x25519 = cost;
    }
    figures.spread = figures.x25519 - least;
    before = board_instructions();
    if (crypto_hash(&part, 1, hash) != PEER_OK) fail("sha256");
    figures.sha256 = board_instructions() - before;
    session.is_alive = true;
    plaintext[SEALED_SIZE] = 0x80;
    before = board_instructions();
    if (session_seal(&session, (slice_t){ plaintext, sizeof plaintext }, sealed) != PEER_OK) {
        fail("seal");
    }
    figures.seal_64 = board_instructions() - before;
}

static void tell_figures(void)
{
    const size_t contact = sizeof(contact_t) - sizeof(outbox_t) - sizeof(inbox_t);

    warn();
    tell("figures x25519 %" PRIu64 " spread %" PRIu64 " sha256 %" PRIu64 " seal_64 %" PRIu64,
         figures.x25519, figures.spread, figures.sha256, figures.seal_64);
    tell("figures meeting %" PRIu64 " message %" PRIu64, figures.meeting,
         figures.messages == 0 ? 0 : figures.after / figures.messages);
    tell("figures messages %" PRIu32 " stack %u heap %u", figures.messages,
         (unsigned)board_stack_used(), (unsigned)board_heap_used());
    tell("figures session %u contact %u outbox %u inbox %u line %u device %u",
         (unsigned)sizeof(session_t), (unsigned)contact, (unsigned)sizeof(outbox_t),
         (unsigned)sizeof(inbox_t), (unsigned)sizeof(serial_line_t), (unsigned)sizeof(device_t));
}

static bool is_text(const inbox_text_t *text, const char *wanted)
{
    return text->size == strlen(wanted) && memcmp(text->text, wanted, text->size) == 0;
}

/** Gives each text back, as soon as there is room for it. */
static void give_back(void)
{
    contact_t *from;
    inbox_text_t *text = peer_oldest_text(&device.peer, &from);
    char line[INBOX_TEXT_SIZE_MAX + 1];

    if (text == NULL) return;
    if (is_text(text, "off")) board_off();
    if (is_text(text, "figures")) {
        tell_figures();
    } else {
        memcpy(line, text->text, text->size);
        line[text->size] = '\0';
        if (peer_send_text(&device.peer, NULL, line) != PEER_OK) return;
        figures.messages += 2;
    }
    if (inbox_remove(&from->inbox, text) != PEER_OK) fail("inbox");
}

/** One turn; what a turn without anything to do costs is not the core's price. */
static void turn(void)
{
    static uint8_t bytes[256], frame[FRAME_SIZE_MAX]; /* As on the chip. */
    size_t size;
    bool did = false;
    const uint64_t before = board_instructions(), now_ms = board_ms();

    if ((size = board_read(bytes, sizeof bytes)) > 0) {
        did = true;
        device_receive(&device, bytes, size, now_ms);
    }
    while ((size = device_poll(&device, now_ms, frame)) > 0) {
        did = true;
        board_write(frame, size);
    }
    const peer_news_t news = peer_take_news(&device.peer);
    const uint64_t cost = did ? board_instructions() - before : 0;
    if (figures.after == 0) figures.meeting += cost;
    if (figures.after > 0 || news == NEWS_PAIRED) figures.after += cost;
    if (news == NEWS_PAIRED) tell("virt: paired");
    give_back();
}

int main(void)
{
    static const uint8_t SECRET[PAIRING_SECRET_SIZE] = "known to anybody";
    static peer_port_t port = { .random = random_bytes };
    char code[PAIRING_TEXT_SIZE + 1];

    port.store = memory_store();
    if (crypto_start() != PEER_OK) fail("crypto");
    if (peer_start(&device.peer, &port, "virt", "") != PEER_OK) fail("peer");
    if (pairing_code_encode(SECRET, code) != PEER_OK) fail("code");
    if (peer_hold_code(&device.peer, code) != PEER_OK) fail("code");
    device_start(&device, (device_console_t){ .print = print }, 1 + board_ms(), BAUD, board_ms());
    warn();
    count_operations();
    for (;;) turn();
}
