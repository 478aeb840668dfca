#include "peer/device.h"

#include <string.h>

enum { REPLY_BIT = 0x80 };

static const char FIRMWARE[] = "sotto-device 0.1.0";

void device_start(device_t *device, device_console_t console, uint64_t boot_id, uint32_t baud,
                  uint64_t now_ms)
{
    device->console = console;
    device->reply.size = device->request.size = 0;
    device->asked = NULL;
    device->asked_address = device->reached_address = 0;
    device->measure_now = false;
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

/** Asks the peer what it has to say, and to whom. */
static void make_request(device_t *device, uint64_t now_ms)
{
    device_record_t *request = &device->request;
    uint8_t bundle[PEER_BUNDLE_SIZE_MAX];
    contact_t *to = NULL;
    const size_t size = peer_poll(&device->peer, now_ms, bundle, sizeof bundle, &to);

    if (size == 0) return;
    size_t address_size = strlen(to->record.address);
    device->asked_address = crc32_of((const uint8_t *)to->record.address, address_size);
    /* The other end remembers where the last one went, SERIAL §5. */
    if (device->asked_address == device->reached_address) address_size = 0;
    device->exchange = (uint8_t)((device->exchange + 1) & ~REPLY_BIT);
    request->bytes[0] = device->exchange;
    request->bytes[1] = (uint8_t)address_size;
    memcpy(request->bytes + 2, to->record.address, address_size);
    memcpy(request->bytes + 2 + address_size, bundle, size);
    request->size = 2 + address_size + size;
    request->channel = CHANNEL_PACKETS;
    device->asked = to;
    device->asked_at_ms = now_ms;
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

    if (device->asked != NULL && now_ms - device->asked_at_ms >= DEVICE_REPLY_MS) {
        give_up(device, now_ms);
    }
    send(device, &device->reply);
    if (device->asked == NULL && serial_line_is_idle(&device->line)) make_request(device, now_ms);
    send(device, &device->request);
    const size_t size = serial_line_poll(&device->line, now_ms, out, &event);
    if (event.kind == LINE_DOWN) forget_exchanges(device, now_ms);
    return size;
}
