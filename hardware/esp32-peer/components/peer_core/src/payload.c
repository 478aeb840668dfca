#include "peer/payload.h"

#include "peer/bytes.h"

enum {
    PAD_TO = 16,
    PAD_MARK = 0x80,
    ACK_BITMAP_MAX = 128,
    SLICE_SIZE_MIN = 256,
    MESSAGE_HEAD_SIZE = PAYLOAD_HEADER_SIZE + 8 + 1,
};

peer_error_t plaintext_unpad(slice_t *plaintext)
{
    size_t size = plaintext->size;

    if (size == 0 || size % PAD_TO != 0) return PEER_ERROR_MALFORMED;
    const size_t least = size - PAD_TO;
    while (size > least && plaintext->bytes[size - 1] == 0) size--;
    if (size == least || plaintext->bytes[size - 1] != PAD_MARK) return PEER_ERROR_MALFORMED;
    plaintext->size = size - 1;
    return PEER_OK;
}

static peer_error_t decode_part(slice_t body, payload_t *payload)
{
    if (body.size < 16) return PEER_ERROR_MALFORMED;
    payload->sequence = get_u64(body.bytes);
    payload->part_index = get_u32(body.bytes + 8);
    payload->part_count = get_u32(body.bytes + 12);
    payload->bytes = (slice_t){ body.bytes + 16, body.size - 16 };
    if (payload->part_index >= payload->part_count || payload->sequence < payload->part_index) {
        return PEER_ERROR_MALFORMED;
    }
    const bool is_last = payload->part_index + 1 == payload->part_count;
    const size_t size_min = is_last ? 1 : SLICE_SIZE_MIN;
    return payload->bytes.size >= size_min ? PEER_OK : PEER_ERROR_MALFORMED;
}

static peer_error_t decode_ack(slice_t body, payload_t *payload)
{
    if (body.size < 17 || body.size != 17u + body.bytes[16]) return PEER_ERROR_MALFORMED;
    payload->epoch = get_u64(body.bytes);
    payload->sequence = get_u64(body.bytes + 8);
    payload->bytes = (slice_t){ body.bytes + 17, body.size - 17 };
    if (payload->bytes.size > ACK_BITMAP_MAX) return PEER_ERROR_MALFORMED;
    /* Trailing zeros would be a second way to say the same. */
    const bool has_trailing = payload->bytes.size > 0 && body.bytes[body.size - 1] == 0;
    return has_trailing ? PEER_ERROR_MALFORMED : PEER_OK;
}

static peer_error_t decode_body(slice_t body, payload_t *payload)
{
    switch (payload->kind) {
    case PAYLOAD_OUTBOX:
    case PAYLOAD_LETTER_ACK:
        if (body.size != 16) return PEER_ERROR_MALFORMED;
        payload->epoch = get_u64(body.bytes);
        payload->sequence = get_u64(body.bytes + 8);
        return PEER_OK;
    case PAYLOAD_MESSAGE:
        if (body.size < 8) return PEER_ERROR_MALFORMED;
        payload->sequence = get_u64(body.bytes);
        payload->bytes = (slice_t){ body.bytes + 8, body.size - 8 };
        return PEER_OK;
    case PAYLOAD_PART: return decode_part(body, payload);
    case PAYLOAD_ACK: return decode_ack(body, payload);
    case PAYLOAD_TIME:
        if (body.size != 17) return PEER_ERROR_MALFORMED;
        payload->time_event = body.bytes[0];
        payload->unix_ms = get_u64(body.bytes + 1);
        payload->uptime_ms = get_u64(body.bytes + 9);
        return payload->time_event <= 1 ? PEER_OK : PEER_ERROR_MALFORMED;
    }
    return PEER_ERROR_MALFORMED;
}

static peer_error_t decode_next(slice_t *payloads, payload_t *payload)
{
    if (payloads->size < PAYLOAD_HEADER_SIZE) return PEER_ERROR_MALFORMED;
    const size_t size = get_u16(payloads->bytes + 1);
    if (payloads->size - PAYLOAD_HEADER_SIZE < size) return PEER_ERROR_MALFORMED;
    const slice_t body = { payloads->bytes + PAYLOAD_HEADER_SIZE, size };
    if (payloads->bytes[0] < PAYLOAD_OUTBOX || payloads->bytes[0] > PAYLOAD_LETTER_ACK) {
        return PEER_ERROR_MALFORMED;
    }
    *payload = (payload_t){ .kind = (payload_kind_t)payloads->bytes[0] };
    payloads->bytes += PAYLOAD_HEADER_SIZE + size;
    payloads->size -= PAYLOAD_HEADER_SIZE + size;
    return decode_body(body, payload);
}

peer_error_t payloads_check(slice_t payloads)
{
    bool has_outbox = false;

    while (payloads.size > 0) {
        payload_t payload;

        PEER_TRY(decode_next(&payloads, &payload));
        const bool needs_outbox =
            payload.kind == PAYLOAD_MESSAGE || payload.kind == PAYLOAD_PART;
        if (needs_outbox && !has_outbox) return PEER_ERROR_MALFORMED;
        if (payload.kind == PAYLOAD_OUTBOX && has_outbox) return PEER_ERROR_MALFORMED;
        has_outbox = has_outbox || payload.kind == PAYLOAD_OUTBOX;
    }
    return PEER_OK;
}

bool payload_next(slice_t *payloads, payload_t *payload)
{
    return payloads->size > 0 && decode_next(payloads, payload) == PEER_OK;
}

bool plaintext_add(plaintext_writer_t *writer, payload_kind_t kind, const slice_t *pieces,
                   size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++) size += pieces[i].size;
    /* One byte stays free for the padding's mark. */
    if (size > UINT16_MAX || writer->room - writer->size < PAYLOAD_HEADER_SIZE + size + 1) return false;
    writer->bytes[writer->size] = (uint8_t)kind;
    put_u16(writer->bytes + writer->size + 1, (uint16_t)size);
    writer->size += PAYLOAD_HEADER_SIZE;
    for (size_t i = 0; i < count; i++) {
        copy_bytes(writer->bytes + writer->size, pieces[i].bytes, pieces[i].size);
        writer->size += pieces[i].size;
    }
    return true;
}

bool plaintext_add_outbox(plaintext_writer_t *writer, uint64_t epoch, uint64_t lowest)
{
    uint8_t fixed[16];

    put_u64(fixed, epoch);
    put_u64(fixed + 8, lowest);
    return plaintext_add(writer, PAYLOAD_OUTBOX, &(slice_t){ fixed, sizeof fixed }, 1);
}

uint8_t *plaintext_message_space(plaintext_writer_t *writer, size_t *room)
{
    const size_t taken = writer->size + MESSAGE_HEAD_SIZE + 1; /* The padding's mark stays free. */

    *room = writer->room < taken ? 0 : writer->room - taken;
    return writer->bytes + (*room == 0 ? writer->size : writer->size + MESSAGE_HEAD_SIZE);
}

void plaintext_end_message(plaintext_writer_t *writer, uint64_t sequence, content_type_t type,
                           size_t body_size)
{
    uint8_t *head = writer->bytes + writer->size;

    head[0] = PAYLOAD_MESSAGE;
    put_u16(head + 1, (uint16_t)(MESSAGE_HEAD_SIZE - PAYLOAD_HEADER_SIZE + body_size));
    put_u64(head + PAYLOAD_HEADER_SIZE, sequence);
    head[MESSAGE_HEAD_SIZE - 1] = (uint8_t)type;
    writer->size += MESSAGE_HEAD_SIZE + body_size;
}

bool plaintext_add_message(plaintext_writer_t *writer, uint64_t sequence, content_type_t type,
                           slice_t body)
{
    size_t room;
    uint8_t *out = plaintext_message_space(writer, &room);

    if (room < body.size || room == 0) return false;
    copy_bytes(out, body.bytes, body.size);
    plaintext_end_message(writer, sequence, type, body.size);
    return true;
}

bool plaintext_add_ack(plaintext_writer_t *writer, uint64_t epoch, uint64_t next, slice_t bitmap)
{
    uint8_t fixed[17];
    const slice_t pieces[] = { { fixed, sizeof fixed }, bitmap };

    put_u64(fixed, epoch);
    put_u64(fixed + 8, next);
    fixed[16] = (uint8_t)bitmap.size;
    return plaintext_add(writer, PAYLOAD_ACK, pieces, 2);
}

bool plaintext_add_letter_ack(plaintext_writer_t *writer, uint64_t epoch, uint64_t sequence)
{
    uint8_t fixed[16];
    const slice_t piece = { fixed, sizeof fixed };

    put_u64(fixed, epoch);
    put_u64(fixed + 8, sequence);
    return plaintext_add(writer, PAYLOAD_LETTER_ACK, &piece, 1);
}

bool plaintext_add_time(plaintext_writer_t *writer, uint8_t event, uint64_t unix_ms,
                        uint64_t uptime_ms)
{
    uint8_t fixed[17];

    fixed[0] = event;
    put_u64(fixed + 1, unix_ms);
    put_u64(fixed + 9, uptime_ms);
    return plaintext_add(writer, PAYLOAD_TIME, &(slice_t){ fixed, sizeof fixed }, 1);
}

size_t message_size(size_t content_size)
{
    return PAYLOAD_HEADER_SIZE + 8 + content_size;
}

void plaintext_finish(plaintext_writer_t *writer)
{
    writer->bytes[writer->size++] = PAD_MARK;
    while (writer->size % PAD_TO != 0) writer->bytes[writer->size++] = 0;
}
