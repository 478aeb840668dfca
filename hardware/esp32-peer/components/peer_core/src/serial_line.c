#include "peer/serial_line.h"

#include "peer/bytes.h"

enum {
    TRIES_MAX = 5,
    TIMEOUT_MIN_MS = 50,
    HELLO_INTERVAL_MS = 1000,
    HELLO_GAP_MS = 50, /* A line that asks for a HELLO in every frame gets no more than this. */
    HELLO_SIZE_MIN = 19,
    IS_UP = 1,
};

typedef struct {
    bool is_up;
    uint64_t boot_id, heard;
    uint16_t mtu;
} hello_t;

static bool hello_decode(const uint8_t *payload, size_t size, hello_t *hello)
{
    if (size < HELLO_SIZE_MIN || size > HELLO_SIZE_MIN + LINE_FIRMWARE_SIZE_MAX) return false;
    hello->is_up = payload[0] == IS_UP;
    hello->boot_id = get_u64(payload + 1);
    hello->heard = get_u64(payload + 9);
    hello->mtu = get_u16(payload + 17);
    return payload[0] <= IS_UP && hello->boot_id != 0 && hello->mtu >= LINE_MTU_MIN;
}

static size_t hello_encode(const serial_line_t *line, uint8_t *payload)
{
    size_t firmware_size = strlen(line->firmware);

    if (firmware_size > LINE_FIRMWARE_SIZE_MAX) firmware_size = LINE_FIRMWARE_SIZE_MAX;
    payload[0] = line->is_up ? IS_UP : 0;
    put_u64(payload + 1, line->boot_id);
    put_u64(payload + 9, line->remote_boot_id);
    put_u16(payload + 17, LINE_MTU);
    memcpy(payload + HELLO_SIZE_MIN, line->firmware, firmware_size);
    return HELLO_SIZE_MIN + firmware_size;
}

/** Up to a quarter more, so that two sides do not keep meeting. Xorshift: no secret is here. */
static uint64_t with_jitter(serial_line_t *line, uint64_t delay_ms)
{
    uint32_t x = line->jitter;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    line->jitter = x;
    return delay_ms + delay_ms * (x & 0xff) / 1024;
}

static void want_hello(serial_line_t *line, uint64_t now_ms)
{
    const uint64_t gap_end_ms = line->hello_last_ms + HELLO_GAP_MS;
    const uint64_t soonest_ms = now_ms > gap_end_ms ? now_ms : gap_end_ms;

    if (!line->hello_due || soonest_ms < line->hello_at_ms) line->hello_at_ms = soonest_ms;
    line->hello_due = true;
}

static void forget_incoming(serial_line_t *line, channel_t channel)
{
    line->incoming_size = 0;
    line->incoming_channel = channel;
}

/** Returns whether the line was up. */
static bool clear(serial_line_t *line)
{
    const bool was_up = line->is_up;

    if (was_up) line->counters.downs++;
    line->is_up = false;
    line->seq = 0;
    line->expected = 0;
    line->has_outgoing = false;
    line->ack_due = false;
    forget_incoming(line, CHANNEL_LINK);
    return was_up;
}

void serial_line_init(serial_line_t *line, uint64_t boot_id, const char *firmware, uint32_t baud,
                      uint64_t now_ms)
{
    memset(line, 0, sizeof *line);
    line->boot_id = boot_id;
    line->firmware = firmware;
    line->baud = baud;
    line->jitter = (uint32_t)boot_id | 1;
    line->hello_due = true;
    line->hello_at_ms = now_ms;
}

bool serial_line_is_idle(const serial_line_t *line)
{
    return line->is_up && !line->has_outgoing;
}

static void start_record(serial_line_t *line, channel_t channel, size_t size)
{
    line->outgoing_channel = channel;
    line->outgoing_size = size;
    line->outgoing_offset = 0;
    line->source = NULL;
    line->has_outgoing = true;
    line->tries = 0;
    line->deadline_ms = 0;
}

bool serial_line_send(serial_line_t *line, channel_t channel, const uint8_t *record, size_t size)
{
    if (!serial_line_is_idle(line) || size > LINE_MTU || size > line->remote_mtu) return false;
    copy_bytes(line->outgoing, record, size);
    start_record(line, channel, size);
    return true;
}

/** Fetches what the next frame carries; a frame that is sent again is the same bytes. */
static void fetch(serial_line_t *line)
{
    const size_t left = line->outgoing_size - line->outgoing_offset;

    if (line->source == NULL) return;
    line->source(line->source_context, line->outgoing,
                 left < FRAME_PAYLOAD_SIZE_MAX ? left : FRAME_PAYLOAD_SIZE_MAX);
}

bool serial_line_send_from(serial_line_t *line, channel_t channel, size_t size,
                           line_source_t source, void *context)
{
    if (!serial_line_is_idle(line) || size > line->remote_mtu) return false;
    start_record(line, channel, size);
    line->source = source;
    line->source_context = context;
    fetch(line);
    return true;
}

static void receive_hello(serial_line_t *line, const frame_t *frame, uint64_t now_ms,
                          line_event_t *event)
{
    hello_t hello;

    /* My own HELLO coming back is a line that echoes, not a peer. */
    if (!hello_decode(frame->payload, frame->payload_size, &hello)
        || hello.boot_id == line->boot_id) {
        line->counters.noise[NOISE_FOREIGN]++;
        return;
    }
    if (hello.boot_id != line->remote_boot_id && clear(line)) event->kind = LINE_DOWN;
    line->remote_boot_id = hello.boot_id;
    line->remote_mtu = hello.mtu;
    if (hello.heard == line->boot_id && !line->is_up) {
        line->is_up = true;
        line->hello_due = false;
        event->kind = event->kind == LINE_DOWN ? LINE_DOWN_UP : LINE_UP;
    }
    if (!hello.is_up) want_hello(line, now_ms);
}

static void receive_ack(serial_line_t *line, uint8_t ack)
{
    if (!line->has_outgoing || line->tries == 0 || ack != (uint8_t)(line->seq + 1)) return;
    line->seq = ack;
    line->outgoing_offset += FRAME_PAYLOAD_SIZE_MAX;
    line->tries = 0;
    line->deadline_ms = 0;
    if (line->outgoing_offset < line->outgoing_size) {
        fetch(line);
        return;
    }
    line->has_outgoing = false;
    line->counters.records_sent++;
}

/** A record that grows past my mtu is dropped whole; its frames are still acknowledged. */
static void join(serial_line_t *line, const frame_t *frame, line_event_t *event)
{
    if (frame->channel != line->incoming_channel) forget_incoming(line, frame->channel);
    const size_t size = line->incoming_size + frame->payload_size;
    if (size <= LINE_MTU) {
        copy_bytes(line->incoming + line->incoming_size, frame->payload, frame->payload_size);
    }
    line->incoming_size = size <= LINE_MTU ? size : LINE_MTU + 1;
    if (frame->more) return;
    if (size > LINE_MTU) {
        line->counters.overlong++;
    } else {
        line->counters.records_received++;
        *event = (line_event_t){ LINE_RECORD, frame->channel, line->incoming, size };
    }
    forget_incoming(line, frame->channel);
}

static void receive_data(serial_line_t *line, const frame_t *frame, line_event_t *event)
{
    if ((uint8_t)(frame->seq + 1) == line->expected) {
        line->counters.duplicates++;
        line->ack_due = true;
    } else if (frame->seq != line->expected) {
        line->counters.out_of_order++;
    } else {
        line->expected++;
        line->ack_due = true;
        join(line, frame, event);
    }
}

static void receive_frame(serial_line_t *line, const frame_t *frame, uint64_t now_ms,
                          line_event_t *event)
{
    line->counters.frames_received++;
    if (frame->type == FRAME_HELLO) {
        receive_hello(line, frame, now_ms, event);
    } else if (frame->type == FRAME_LOG) {
        *event = (line_event_t){ LINE_TEXT, CHANNEL_LOG, frame->payload, frame->payload_size };
    } else if (!line->is_up) {
        want_hello(line, now_ms);
    } else {
        receive_ack(line, frame->ack);
        if (frame->type == FRAME_DATA) receive_data(line, frame, event);
    }
}

size_t serial_line_receive(serial_line_t *line, const uint8_t *bytes, size_t size, uint64_t now_ms,
                           line_event_t *event)
{
    size_t at = 0;

    *event = (line_event_t){ .kind = LINE_NOTHING };
    while (at < size && event->kind == LINE_NOTHING) {
        read_event_t read;

        at += frame_reader_read(&line->reader, bytes + at, size - at, &read);
        if (read.kind == READ_TEXT) {
            *event = (line_event_t){ LINE_TEXT, CHANNEL_LOG, read.text, read.text_size };
        } else if (read.kind == READ_NOISE) {
            line->counters.noise[read.noise]++;
        } else if (read.kind == READ_FRAME) {
            receive_frame(line, &read.frame, now_ms, event);
        }
    }
    return at;
}

/** Every frame with numbers says what has arrived, so an ACK that was due is paid by either. */
static size_t encode(serial_line_t *line, frame_t frame, uint8_t *out)
{
    size_t size = 0;

    if (frame.type != FRAME_HELLO) {
        frame.seq = line->seq;
        frame.ack = line->expected;
        line->ack_due = false;
    }
    if (frame_encode(&frame, out, FRAME_SIZE_MAX, &size) != PEER_OK) return 0;
    line->counters.frames_sent++;
    return size;
}

static size_t send_hello(serial_line_t *line, uint64_t now_ms, uint8_t *out)
{
    uint8_t payload[HELLO_SIZE_MIN + LINE_FIRMWARE_SIZE_MAX];

    line->hello_last_ms = now_ms;
    line->hello_due = !line->is_up;
    if (line->hello_due) line->hello_at_ms = now_ms + with_jitter(line, HELLO_INTERVAL_MS);
    return encode(line, (frame_t){ .type = FRAME_HELLO,
                                   .channel = CHANNEL_LINK,
                                   .payload = payload,
                                   .payload_size = hello_encode(line, payload) }, out);
}

static size_t send_data(serial_line_t *line, uint64_t now_ms, uint8_t *out)
{
    const size_t left = line->outgoing_size - line->outgoing_offset;
    const bool more = left > FRAME_PAYLOAD_SIZE_MAX;
    const size_t size = encode(line, (frame_t){
        .type = FRAME_DATA,
        .channel = line->outgoing_channel,
        .more = more,
        .payload = line->outgoing + (line->source == NULL ? line->outgoing_offset : 0),
        .payload_size = more ? FRAME_PAYLOAD_SIZE_MAX : left,
    }, out);
    const uint64_t frame_ms = ((uint64_t)size * 10000 + line->baud - 1) / line->baud;

    if (line->tries > 0) line->counters.retries++;
    line->timeout_ms = line->tries == 0 ? TIMEOUT_MIN_MS + 3 * frame_ms : line->timeout_ms * 8 / 5;
    line->tries++;
    line->deadline_ms = now_ms + with_jitter(line, line->timeout_ms);
    return size;
}

size_t serial_line_poll(serial_line_t *line, uint64_t now_ms, uint8_t out[FRAME_SIZE_MAX],
                        line_event_t *event)
{
    *event = (line_event_t){ .kind = LINE_NOTHING };
    if (line->has_outgoing && line->tries == TRIES_MAX && now_ms >= line->deadline_ms) {
        /* A new boot id, so that the other side forgets the sequence numbers as this one does. */
        if (++line->boot_id == 0) line->boot_id = 1;
        if (clear(line)) event->kind = LINE_DOWN;
        want_hello(line, now_ms);
    }
    if (line->hello_due && now_ms >= line->hello_at_ms) return send_hello(line, now_ms, out);
    if (line->has_outgoing && now_ms >= line->deadline_ms) return send_data(line, now_ms, out);
    if (!line->ack_due) return 0;
    return encode(line, (frame_t){ .type = FRAME_ACK, .channel = CHANNEL_LINK }, out);
}

size_t serial_line_log(const uint8_t *text, size_t size, uint8_t out[FRAME_SIZE_MAX])
{
    size_t written = 0;
    const frame_t frame = {
        .type = FRAME_LOG,
        .channel = CHANNEL_LOG,
        .payload = text,
        .payload_size = size < FRAME_PAYLOAD_SIZE_MAX ? size : FRAME_PAYLOAD_SIZE_MAX,
    };

    return frame_encode(&frame, out, FRAME_SIZE_MAX, &written) == PEER_OK ? written : 0;
}
