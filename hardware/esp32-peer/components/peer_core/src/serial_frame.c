#include "peer/serial_frame.h"

#include "peer/bytes.h"

enum { MORE = 0x80 };

/** Four bits at a time: 64 bytes of table, where speed is the line's. */
static const uint32_t CRC_TABLE[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

uint32_t crc32_of(const uint8_t *bytes, size_t size)
{
    return crc32_add(0, bytes, size);
}

uint32_t crc32_add(uint32_t crc, const uint8_t *bytes, size_t size)
{
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ CRC_TABLE[crc & 15];
        crc = crc >> 4 ^ CRC_TABLE[crc & 15];
    }
    return ~crc;
}

/** The same bytes without a zero among them. `out` has room for what COBS adds. */
static size_t cobs_encode(const uint8_t *bytes, size_t size, uint8_t *out)
{
    size_t code = 0, end = 1;

    for (size_t i = 0; i < size; i++) {
        /* A full run of 254 stands for no zero; the next byte opens a new one. */
        if (end - code == 255) {
            out[code] = 255;
            code = end++;
        }
        if (bytes[i] == 0) {
            out[code] = (uint8_t)(end - code);
            code = end++;
        } else {
            out[end++] = bytes[i];
        }
    }
    out[code] = (uint8_t)(end - code);
    return end;
}

/** In place: what is written never overtakes what is read. False if a run points past the end. */
static bool cobs_decode(uint8_t *coded, size_t coded_size, size_t *size)
{
    size_t end = 0;

    for (size_t at = 0; at < coded_size;) {
        const size_t code = coded[at];

        if (code == 0 || code > coded_size - at) return false;
        memmove(coded + end, coded + at + 1, code - 1);
        end += code - 1;
        at += code;
        if (code < 255 && at < coded_size) coded[end++] = 0;
    }
    *size = end;
    return true;
}

peer_error_t frame_encode(const frame_t *frame, uint8_t *out, size_t room, size_t *size)
{
    uint8_t body[FRAME_BODY_SIZE_MAX];
    const size_t crc_at = FRAME_HEADER_SIZE + frame->payload_size;

    if (frame->payload_size > FRAME_PAYLOAD_SIZE_MAX) return PEER_ERROR_NO_ROOM;
    if (room < crc_at + FRAME_CRC_SIZE + FRAME_SIZE_MAX - FRAME_BODY_SIZE_MAX) {
        return PEER_ERROR_NO_ROOM;
    }
    body[0] = (uint8_t)(FRAME_VERSION << 4 | (int)frame->type);
    body[1] = (uint8_t)((frame->more ? MORE : 0) | (int)frame->channel);
    body[2] = frame->seq;
    body[3] = frame->ack;
    copy_bytes(body + FRAME_HEADER_SIZE, frame->payload, frame->payload_size);
    put_u32(body + crc_at, crc32_of(body, crc_at));

    const size_t coded_size = cobs_encode(body, crc_at + FRAME_CRC_SIZE, out + 1);
    out[0] = 0;
    out[1 + coded_size] = 0;
    *size = coded_size + 2;
    return PEER_OK;
}

bool frame_decode(uint8_t *coded, size_t coded_size, frame_t *frame, noise_t *noise)
{
    size_t size = 0;

    *noise = NOISE_COBS;
    if (!cobs_decode(coded, coded_size, &size)) return false;
    *noise = NOISE_SIZE;
    if (size < FRAME_HEADER_SIZE + FRAME_CRC_SIZE || size > FRAME_BODY_SIZE_MAX) return false;
    const size_t crc_at = size - FRAME_CRC_SIZE;
    *noise = NOISE_CRC;
    if (crc32_of(coded, crc_at) != get_u32(coded + crc_at)) return false;

    const uint8_t type = coded[0] & 0x0f, channel = (uint8_t)(coded[1] & ~MORE);
    *noise = NOISE_FOREIGN;
    if (coded[0] >> 4 != FRAME_VERSION || type < FRAME_HELLO || type > FRAME_LOG) return false;
    if (channel > CHANNEL_LOG) return false;
    *frame = (frame_t){
        .type = (frame_type_t)type,
        .channel = (channel_t)channel,
        .more = (coded[1] & MORE) != 0,
        .seq = coded[2],
        .ack = coded[3],
        .payload = coded + FRAME_HEADER_SIZE,
        .payload_size = crc_at - FRAME_HEADER_SIZE,
    };
    return true;
}

static void take(frame_reader_t *reader, const uint8_t *run, size_t size)
{
    if (size > FRAME_CODED_SIZE_MAX - reader->size) reader->is_overlong = true;
    if (reader->is_overlong) return;
    copy_bytes(reader->coded + reader->size, run, size);
    reader->size += size;
}

static void end_frame(frame_reader_t *reader, read_event_t *event)
{
    const size_t size = reader->size;
    const bool is_overlong = reader->is_overlong;

    reader->size = 0;
    reader->is_overlong = false;
    if (is_overlong) {
        event->kind = READ_NOISE;
        event->noise = NOISE_SIZE;
    } else if (size > 0) {
        /* Nothing between two zeros is one frame's end and the next one's start. */
        const bool is_frame = frame_decode(reader->coded, size, &event->frame, &event->noise);
        event->kind = is_frame ? READ_FRAME : READ_NOISE;
    }
}

size_t frame_reader_read(frame_reader_t *reader, const uint8_t *bytes, size_t size,
                         read_event_t *event)
{
    size_t at = 0;

    *event = (read_event_t){ .kind = READ_NOTHING };
    while (at < size && event->kind == READ_NOTHING) {
        const uint8_t *zero = memchr(bytes + at, 0, size - at);
        const size_t run = zero == NULL ? size - at : (size_t)(zero - (bytes + at));

        if (!reader->has_begun && run > 0) {
            event->kind = READ_TEXT;
            event->text = bytes + at;
            event->text_size = run;
            at += run;
            break;
        }
        if (run > 0) take(reader, bytes + at, run);
        at += run;
        if (zero == NULL) break;
        at++;
        if (reader->has_begun) end_frame(reader, event);
        reader->has_begun = true;
    }
    return at;
}
