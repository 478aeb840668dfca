#include "peer/device.h"

#include "peer/phantom.h"

#include <string.h>

enum {
    REPLY_BIT = 0x80,
    /* Who holds the line may ask as often as he likes: that must not push readings out, or wear the flash. */
    ASKED_EVERY_MS = 1000,
    ASKED_WAITING_MAX = 8,
};

static const char FIRMWARE[] = "sotto-device 0.1.0";

void device_start(device_t *device, device_console_t console, uint64_t boot_id, uint32_t baud,
                  uint64_t now_ms)
{
    device->console = console;
    device->reply.size = device->request.size = 0;
    device->asked = NULL;
    device->asked_address = device->reached_address = 0;
    device->measure_now = device->picture_now = device->restart_now = false;
    device->is_reading_asked = false;
    device->asked_again_ms = 0;
    serial_line_init(&device->line, boot_id, FIRMWARE, baud, now_ms);
}

static void give_up(device_t *device, uint64_t now_ms)
{
    contact_t *asked = device->asked;

    device->asked = NULL;
    device->request.size = 0;
    if (asked != NULL) peer_fail(&device->peer, asked, now_ms);
}

/** The other end began anew: it waits for no reply, and gives none. */
static void forget_exchanges(device_t *device, uint64_t now_ms)
{
    device->reply.size = 0;
    device->reached_address = 0;
    give_up(device, now_ms);
}

/** Judges a bundle that the other end brought, and keeps what goes back. */
static void answer_packets(device_t *device, const uint8_t *record, size_t size, uint64_t now_ms)
{
    device_record_t *reply = &device->reply; /* A caller that does not wait for one loses it. */
    const size_t address_size = size < 2 ? 0 : record[1];
    size_t back_size = 0;

    if (size < 2 || size - 2 < address_size) return;
    const slice_t bundle = { record + 2 + address_size, size - 2 - address_size };
    const peer_error_t error = peer_receive(&device->peer, bundle, now_ms, reply->bytes + 1,
                                            PEER_BUNDLE_SIZE_MAX, &back_size);
    if (error != PEER_OK) return;
    reply->bytes[0] = record[0] | REPLY_BIT;
    reply->channel = CHANNEL_PACKETS;
    reply->size = 1 + back_size;
}

static void take_reply(device_t *device, const uint8_t *record, size_t size, uint64_t now_ms)
{
    contact_t *asked = device->asked;

    if (asked == NULL || record[0] != (device->exchange | REPLY_BIT)) return;
    device->asked = NULL;
    device->reached_address = device->asked_address;
    peer_reply(&device->peer, asked, (slice_t){ record + 1, size - 1 }, now_ms);
}

static void answer_verb(device_t *device, const uint8_t *record, size_t size, uint64_t now_ms)
{
    device_record_t *reply = &device->reply;
    const slice_t verb = { record + 1, size - 1 };

    reply->size = 1 + device_verb(device, verb, now_ms, (char *)reply->bytes + 1,
                                  sizeof reply->bytes - 1);
    reply->bytes[0] = record[0] | REPLY_BIT;
    reply->channel = CHANNEL_VERBS;
}

static void take_record(device_t *device, const line_event_t *event, uint64_t now_ms)
{
    if (event->size == 0) return;
    const bool is_reply = (event->bytes[0] & REPLY_BIT) != 0;

    if (event->channel == CHANNEL_PACKETS && is_reply) {
        take_reply(device, event->bytes, event->size, now_ms);
    } else if (event->channel == CHANNEL_PACKETS) {
        answer_packets(device, event->bytes, event->size, now_ms);
    } else if (event->channel == CHANNEL_VERBS && !is_reply) {
        answer_verb(device, event->bytes, event->size, now_ms);
    }
}

void device_receive(device_t *device, const uint8_t *bytes, size_t size, uint64_t now_ms)
{
    for (size_t at = 0; at < size;) {
        line_event_t event;

        at += serial_line_receive(&device->line, bytes + at, size - at, now_ms, &event);
        if (event.kind == LINE_RECORD) take_record(device, &event, now_ms);
        if (event.kind == LINE_DOWN || event.kind == LINE_DOWN_UP) forget_exchanges(device, now_ms);
    }
    const uint32_t *noise = device->line.counters.noise;
    device->peer.health.line_errors =
        noise[NOISE_COBS] + noise[NOISE_CRC] + noise[NOISE_SIZE] + noise[NOISE_FOREIGN];
}

/** Begins a request to the contact: exchange and address. Returns the size of both. */
static size_t begin_request(device_t *device, contact_t *to, uint64_t now_ms)
{
    device_record_t *request = &device->request;
    size_t address_size = strlen(to->record.address);

    device->asked_address = crc32_of((const uint8_t *)to->record.address, address_size);
    /* The other end remembers where the last one went, SERIAL §5. */
    if (device->asked_address == device->reached_address) address_size = 0;
    device->exchange = (uint8_t)((device->exchange + 1) & ~REPLY_BIT);
    request->channel = CHANNEL_PACKETS;
    request->bytes[0] = device->exchange;
    request->bytes[1] = (uint8_t)address_size;
    memcpy(request->bytes + 2, to->record.address, address_size);
    device->asked = to;
    device->asked_at_ms = now_ms;
    return 2 + address_size;
}

/** Asks the peer what it has to say, and to whom. */
static void make_request(device_t *device, uint64_t now_ms)
{
    /* Behind the longest address there is, for the stack has no room for it. */
    uint8_t *bundle = device->request.bytes + 2 + ADDRESS_SIZE_MAX;
    contact_t *to = NULL;
    const size_t room = sizeof device->request.bytes - 2 - ADDRESS_SIZE_MAX;
    const size_t size = peer_poll(&device->peer, now_ms, bundle, room, &to);

    if (size == 0) return;
    const size_t prefix_size = begin_request(device, to, now_ms);
    memmove(device->request.bytes + prefix_size, bundle, size);
    device->request.size = prefix_size + size;
}

/** The record of a picture: the request's beginning, then the file as it is made. */
static void read_picture(void *context, uint8_t *out, size_t size)
{
    device_t *device = context;

    for (; device->prefix_at > 0 && size > 0; size--) {
        *out++ = device->request.bytes[device->request.size - device->prefix_at--];
    }
    png_stream_read(&device->post->stream, out, size);
}

/** Sends the picture that waits, if it is its turn and the line is free for so long. */
static void send_picture(device_t *device, uint64_t now_ms)
{
    picture_post_t *post = device->post;
    contact_t *to = post == NULL ? NULL : picture_post_due(&device->peer, post, now_ms);

    if (to == NULL) return;
    to->out_type = PACKET_LETTER;
    picture_post_begin(post, now_ms);
    device->request.size = device->prefix_at = begin_request(device, to, now_ms);
    const size_t size = device->request.size + png_size(&post->picture);
    if (!serial_line_send_from(&device->line, CHANNEL_PACKETS, size, read_picture, device)) {
        device->asked = NULL; /* The other end takes no record of that size. */
    }
    device->request.size = 0;
}

void device_ask_reading(device_t *device)
{
    device->is_reading_asked = true;
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        const outbox_t *outbox = &device->peer.contacts[i].outbox;
        if (outbox_count(outbox) >= ASKED_WAITING_MAX) device->is_reading_asked = false;
    }
}

static void measure_if_asked(device_t *device, uint64_t now_ms)
{
    if (!device->is_reading_asked || now_ms < device->asked_again_ms) return;
    device->is_reading_asked = false;
    device->asked_again_ms = now_ms + ASKED_EVERY_MS;
    device->measure_now = true;
}

static void tell(const device_t *device, const char *text)
{
    if (device->console.print != NULL) device->console.print(device->console.context, text);
}

void device_send_picture(device_t *device, const measurement_t *measurement, uint64_t now_ms)
{
    picture_post_t *post = device->post;
    uint32_t seed = 0;

    if (post == NULL) return;
    if (device->line.has_outgoing && device->line.source != NULL) {
        tell(device, "send_picture: the last one is on the line");
        return;
    }
    device->peer.port->random(device->peer.port->context, (uint8_t *)&seed, sizeof seed);
    /* A cover is never used twice. */
    phantom_draw(&post->picture, PICTURE_WIDTH_MAX, PICTURE_HEIGHT_MAX, seed);
    const peer_error_t error = picture_post_reading(&device->peer, post, measurement, now_ms);
    tell(device, error == PEER_OK            ? "send_picture: on its way"
                 : error == PEER_ERROR_STATE ? "send_picture: nobody is paired who takes pictures"
                                             : "send_picture: failed");
}

/** Gives the line a record that waits. One that the other end cannot take is dropped. */
static void send(device_t *device, device_record_t *record)
{
    if (record->size == 0 || !serial_line_is_idle(&device->line)) return;
    (void)!serial_line_send(&device->line, record->channel, record->bytes, record->size);
    record->size = 0;
}

size_t device_poll(device_t *device, uint64_t now_ms, uint8_t out[FRAME_SIZE_MAX])
{
    line_event_t event;

    /* A picture takes the line for seconds: patience begins when it has gone. */
    if (device->asked != NULL && device->line.has_outgoing) device->asked_at_ms = now_ms;
    if (device->asked != NULL && now_ms - device->asked_at_ms >= DEVICE_REPLY_MS) {
        give_up(device, now_ms);
    }
    measure_if_asked(device, now_ms);
    send(device, &device->reply);
    if (device->asked == NULL && serial_line_is_idle(&device->line)) make_request(device, now_ms);
    send(device, &device->request);
    if (device->asked == NULL && serial_line_is_idle(&device->line)) send_picture(device, now_ms);
    const size_t size = serial_line_poll(&device->line, now_ms, out, &event);
    if (event.kind == LINE_DOWN) forget_exchanges(device, now_ms);
    return size;
}
