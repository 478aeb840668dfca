#include "peer/png_stream.h"

#include "peer/bytes.h"
#include "peer/serial_frame.h"

enum {
    SIGNATURE_SIZE = 8,
    IHDR_SIZE = 25,
    IDAT_AT = SIGNATURE_SIZE + IHDR_SIZE, /* Its length; four bytes later its type, then data. */
    TYPE_AT = IDAT_AT + 4,
    DEFLATE_HEAD_SIZE = 7,                /* zlib's two bytes, and the stored block's five. */
    SAMPLES_AT = TYPE_AT + 4 + DEFLATE_HEAD_SIZE,
    ADLER_SIZE = 4,
    CRC_SIZE = 4,
    IEND_SIZE = 12,
    ADLER_MODULUS = 65521,
};

_Static_assert(PICTURE_DEPTH == 8, "one byte a sample");
_Static_assert((PICTURE_WIDTH_MAX + 1) * PICTURE_HEIGHT_MAX <= UINT16_MAX, "one stored block");

/** Each row behind a byte that says that it is not filtered. */
static size_t rows_size(const picture_t *picture)
{
    return (picture->width + (size_t)1) * picture->height;
}

size_t png_size(const picture_t *picture)
{
    return SAMPLES_AT + rows_size(picture) + ADLER_SIZE + CRC_SIZE + IEND_SIZE;
}

void png_stream_start(png_stream_t *stream, const picture_t *picture)
{
    *stream = (png_stream_t){ .picture = picture, .adler_a = 1 };
}

/** Everything before the first row. */
static void write_head(const picture_t *picture, uint8_t head[SAMPLES_AT])
{
    static const uint8_t START[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n',
                                     0,    0,   0,   13,  'I',  'H',  'D',  'R' };
    const uint16_t size = (uint16_t)rows_size(picture), inverse = (uint16_t)~size;
    uint8_t *at = head + sizeof START;

    memcpy(head, START, sizeof START);
    put_u32(at, picture->width);
    put_u32(at + 4, picture->height);
    memcpy(at + 8, (const uint8_t[]){ 8, 0, 0, 0, 0 }, 5); /* 8 bits, gray, not interlaced. */
    put_u32(at + 13, crc32_of(head + SIGNATURE_SIZE + 4, 4 + 13));
    put_u32(head + IDAT_AT, (uint32_t)(DEFLATE_HEAD_SIZE + size + ADLER_SIZE));
    memcpy(head + TYPE_AT, "IDAT\x78\x01\x01", 7);
    memcpy(head + TYPE_AT + 7,
           (const uint8_t[]){ (uint8_t)size, (uint8_t)(size >> 8), (uint8_t)inverse,
                              (uint8_t)(inverse >> 8) }, 4);
}

static uint8_t next_of_rows(png_stream_t *stream, size_t at)
{
    const size_t row_size = stream->picture->width + (size_t)1;
    const size_t row = at / row_size, column = at % row_size;
    const uint8_t byte =
        column == 0 ? 0 : stream->picture->samples[row * stream->picture->width + column - 1];

    stream->adler_a = (stream->adler_a + byte) % ADLER_MODULUS;
    stream->adler_b = (stream->adler_b + stream->adler_a) % ADLER_MODULUS;
    return byte;
}

/** The bytes behind the last row. */
static uint8_t next_of_tail(const png_stream_t *stream, size_t at)
{
    static const uint8_t END[IEND_SIZE] = { 0,   0,   0,    0,    'I',  'E',
                                            'N', 'D', 0xAE, 0x42, 0x60, 0x82 };
    uint8_t word[4];

    if (at >= ADLER_SIZE + CRC_SIZE + IEND_SIZE) return 0;
    if (at >= ADLER_SIZE + CRC_SIZE) return END[at - ADLER_SIZE - CRC_SIZE];
    put_u32(word, at < ADLER_SIZE ? stream->adler_b << 16 | stream->adler_a : stream->crc);
    return word[at % 4];
}

void png_stream_read(png_stream_t *stream, uint8_t *out, size_t size)
{
    const size_t rows_end = SAMPLES_AT + rows_size(stream->picture);
    uint8_t head[SAMPLES_AT];

    write_head(stream->picture, head);
    for (size_t i = 0; i < size; i++, stream->at++) {
        const size_t at = stream->at;

        if (at < SAMPLES_AT) out[i] = head[at];
        else if (at < rows_end) out[i] = next_of_rows(stream, at - SAMPLES_AT);
        else out[i] = next_of_tail(stream, at - rows_end);
        const bool is_in_chunk = at >= TYPE_AT && at < rows_end + ADLER_SIZE;
        if (is_in_chunk) stream->crc = crc32_add(stream->crc, out + i, 1);
    }
}
