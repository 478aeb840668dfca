/*
 * Goal: no bytes, whatever they are, spoil the state of a device.
 * Method: as flash that gives back anything, as the plaintext of a contact that is not to be
 * trusted, typed at the console, and from the line and the network.
 */
#include "check.h"
#include "fuzz_targets.h"
#include "peer/bytes.h"
#include "peer/device.h"
#include "peer/letter_box.h"

/* A store that gives back the fuzzer's bytes, whatever was asked for. */
static slice_t stored;

static bool load(void *context, const char *name, void *value, size_t size)
{
    uint8_t *out = value;

    (void)context, (void)name;
    if (stored.size == 0) return false;
    for (size_t i = 0; i < size; i++) out[i] = stored.bytes[i % stored.size];
    stored.bytes++;
    stored.size--;
    return true;
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

void fuzz_store(const uint8_t *bytes, size_t size)
{
    static const store_t store = { NULL, load, save, erase };
    static outbox_t outbox;
    static inbox_t inbox;
    const reading_t reading = { .time_ms = 5, .measurement = { 1, { 1 } } };
    outbox_message_t message;
    uint64_t sequence = 0;

    stored = bytes_of(bytes, size);
    CHECK(outbox_start(&outbox, &store, 'a', 1) == PEER_OK, "start");
    CHECK(outbox_count(&outbox) <= OUTBOX_SLOTS, "count");
    CHECK(outbox_add_reading(&outbox, &reading) == PEER_OK, "add");
    while (outbox_next(&outbox, &sequence, &message)) {
        CHECK(message.kind != ITEM_READING || message.count <= OUTBOX_SHARE, "share");
    }
    (void)outbox_acknowledge(&outbox, outbox.lowest + 3, bytes, size < 128 ? size : 128);
    stored = bytes_of(bytes, size);
    inbox_start(&inbox, &store, 'a');
    CHECK(inbox_count(&inbox) <= INBOX_TEXTS, "texts");
    inbox_epoch_t *epoch = inbox_epoch(&inbox, inbox.epochs[0].epoch);
    if (sequence_window_judge(&epoch->window, 5) == SEQUENCE_FRESH) (void)!inbox_mark(&inbox, epoch, 5);
    stored.size = 0;
}

static void count_up(void *context, uint8_t *out, size_t size)
{
    static uint8_t next;
    (void)context;
    for (size_t i = 0; i < size; i++) out[i] = ++next;
}

/** A peer that wakes up with whatever its flash holds. */
void fuzz_start(const uint8_t *bytes, size_t size)
{
    static peer_t peer;
    static const peer_port_t any = { NULL, count_up, { NULL, load, save, erase } };
    uint8_t out[PEER_BUNDLE_SIZE_MAX];
    contact_t *to = NULL;

    stored = bytes_of(bytes, size);
    if (peer_start(&peer, &any, "fuzz", "") == PEER_OK) {
        (void)peer_poll(&peer, 1000, out, sizeof out, &to);
        (void)!peer_send_text(&peer, NULL, "x");
    }
    stored.size = 0;
}

/** What a contact may say in a letter, any plaintext sealed right, whatever flash says was seen. */
void fuzz_letter_box(const uint8_t *bytes, size_t size)
{
    static peer_t peer;
    static uint64_t now_ms;
    static const peer_port_t any = { NULL, count_up, { NULL, load, save, erase } };
    uint8_t bundle[2 + FUZZ_INPUT_SIZE_MAX + 256], out[PEER_BUNDLE_SIZE_MAX];
    contact_t *contact = &peer.contacts[0];
    size_t out_size = 0;

    if (peer.port == NULL) {
        CHECK(peer_start(&peer, &any, "fuzz", "") == PEER_OK, "start");
        contact->record = (contact_record_t){ .is_pinned = 1, .max_frame = 1400 };
        contact->hint_in = 5;
    }
    const size_t letter_size = fuzz_seal_letter(&peer, contact, bytes_of(bytes, size), bundle + 2);
    put_u16(bundle, (uint16_t)letter_size);
    stored = bytes_of(bytes, size);
    now_ms += 600; /* Not more than it may read. */
    (void)!peer_receive(&peer, bytes_of(bundle, 2 + letter_size), now_ms, out, sizeof out, &out_size);
    stored.size = 0;
    CHECK(contact->letter_acks <= LETTER_ACKS_MAX && inbox_count(&contact->inbox) <= INBOX_TEXTS, "bounds");
    if (inbox_oldest(&contact->inbox) != NULL && inbox_count(&contact->inbox) == INBOX_TEXTS) {
        CHECK(inbox_remove(&contact->inbox, inbox_oldest(&contact->inbox)) == PEER_OK, "remove");
    }
}

static device_t device;
static peer_port_t port;

static void print(void *context, const char *text)
{
    (void)context, (void)text;
}

static void start_device(void)
{
    char code[PAIRING_TEXT_SIZE + 1];

    if (device.peer.port != NULL) return;
    port = (peer_port_t){ NULL, count_up, { NULL, load, save, erase } };
    CHECK(peer_start(&device.peer, &port, "fuzz", "") == PEER_OK, "start");
    CHECK(peer_make_code(&device.peer, code) == PEER_OK, "code");
    device_start(&device, (device_console_t){ NULL, print }, 1, 115200, 0);
}

void fuzz_console(const uint8_t *bytes, size_t size)
{
    static uint64_t now_ms;
    char line[DEVICE_LINE_SIZE_MAX], json[LINE_MTU];
    const size_t used = size < sizeof line - 1 ? size : sizeof line - 1;

    start_device();
    now_ms += 200;
    memcpy(line, bytes, used);
    line[used] = '\0';
    device_command(&device, line, now_ms);
    CHECK(device_verb(&device, bytes_of(bytes, size), now_ms, json, sizeof json) < sizeof json, "json");
    device_tell_news(&device);
}

/** A whole device: what comes from others, as bundle, as reply, and raw from the line. */
void fuzz_device(const uint8_t *bytes, size_t size)
{
    static uint64_t now_ms;
    uint8_t out[PEER_BUNDLE_SIZE_MAX], frame[FRAME_SIZE_MAX];
    size_t out_size = 0;

    start_device();
    now_ms += 200;
    (void)!peer_receive(&device.peer, bytes_of(bytes, size), now_ms, out, sizeof out, &out_size);
    CHECK(out_size <= sizeof out, "reply");
    peer_reply(&device.peer, &device.peer.contacts[0], bytes_of(bytes, size), now_ms);
    device_receive(&device, bytes, size, now_ms);
    for (int i = 0; i < 4; i++) (void)device_poll(&device, now_ms, frame);
    device_tell_news(&device);
}

/** What a contact that is not to be trusted may say in a session: any plaintext, sealed right. */
void fuzz_session(const uint8_t *bytes, size_t size)
{
    static peer_t peer;
    static session_t theirs;
    static uint64_t now_ms;
    static const peer_port_t any = { NULL, count_up, { NULL, load, save, erase } };
    uint8_t plaintext[PEER_MAX_FRAME], bundle[2 + PEER_MAX_FRAME], out[PEER_BUNDLE_SIZE_MAX];
    plaintext_writer_t writer = { .bytes = plaintext, .room = session_room(PEER_MAX_FRAME) };
    contact_t *contact = &peer.contacts[0], *to = NULL;
    size_t out_size = 0;

    if (peer.port == NULL) {
        CHECK(peer_start(&peer, &any, "fuzz", "") == PEER_OK, "start");
        contact->record = (contact_record_t){ .is_pinned = 1, .max_frame = 1400, .capabilities = 31,
                                              .address = "http://a:1" };
        contact->current = theirs = (session_t){ .is_alive = true, .own_index = 7, .remote_index = 7 };
    }
    if (size >= writer.room) return;
    memcpy(plaintext, bytes, size);
    writer.size = size;
    plaintext_finish(&writer);
    now_ms += 100;
    contact->current.promoted_at_ms = now_ms;
    contact->current.sent = contact->current.received = 0;
    CHECK(session_seal(&theirs, bytes_of(plaintext, writer.size), bundle + 2) == PEER_OK, "seal");
    put_u16(bundle, (uint16_t)(writer.size + TRANSPORT_OVERHEAD));
    const slice_t whole = { bundle, 2 + writer.size + TRANSPORT_OVERHEAD };
    CHECK(peer_receive(&peer, whole, now_ms, out, sizeof out, &out_size) == PEER_OK, "framed");
    (void)peer_poll(&peer, now_ms, out, sizeof out, &to);
    if (to != NULL) peer_fail(&peer, to, now_ms);
    if (inbox_count(&contact->inbox) == INBOX_TEXTS) {
        CHECK(inbox_remove(&contact->inbox, inbox_oldest(&contact->inbox)) == PEER_OK, "remove");
    }
}
