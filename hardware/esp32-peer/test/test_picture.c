/*
 * Goal: what this device hides in a picture is what every other one would, to the bit; and the
 * file around it is a PNG that others read.
 * Method: the vectors of profile integer; pictures at their limits; the stream against itself.
 */
#include "check.h"
#include "peer/chacha20.h"
#include "peer/phantom.h"
#include "peer/png_stream.h"
#include "vectors.h"

static hiding_t work;
static picture_t picture, before;

/** Samples from the bytes of a vector, those of 16 bits big-endian. */
static void fill(picture_t *into, const uint8_t *bytes)
{
    const size_t count = (size_t)picture.width * picture.height;

    for (size_t i = 0; i < count; i++) {
        into->samples[i] = *bytes++;
        if (PICTURE_DEPTH == 16) into->samples[i] = (sample_t)(into->samples[i] * 256 + *bytes++);
    }
}

static void test_vectors(void)
{
    size_t tried = 0;

    for (size_t i = 0; i < COUNT(vectors_histogram_shift_cases); i++) {
        const char *name = vectors_histogram_shift_cases[i].name;
        const blob_t cover = unhex(vectors_histogram_shift_cases[i].cover);
        const blob_t stego = unhex(vectors_histogram_shift_cases[i].stego);
        const blob_t key = unhex(vectors_histogram_shift_cases[i].key);
        const blob_t payload = unhex(vectors_histogram_shift_cases[i].payload);
        const uint32_t price = (uint32_t)strtoul(vectors_histogram_shift_cases[i].price, NULL, 10);

        /* This file is built once for each depth. */
        if (atoi(vectors_histogram_shift_cases[i].depth) != PICTURE_DEPTH) continue;
        tried++;
        picture.width = (uint16_t)atoi(vectors_histogram_shift_cases[i].width);
        picture.height = (uint16_t)atoi(vectors_histogram_shift_cases[i].height);
        fill(&picture, cover.data);
        fill(&before, stego.data);
        CHECK(histogram_embed(&work, &picture, (slice_t){ payload.data, payload.size }, key.data,
                              price) == PEER_OK, name);
        CHECK(memcmp(picture.samples, before.samples, stego.size) == 0, name);
    }
    CHECK(tried >= (PICTURE_DEPTH == 8 ? 4 : 1), "cases");
}

#if PICTURE_DEPTH == 8
static void test_limits(void)
{
    static const uint8_t key[KEY_SIZE] = { 7 };
    uint8_t payload[2000] = { 0 };
    size_t most = 0;

    for (size_t size = 0; size <= sizeof payload; size += 50) {
        phantom_draw(&picture, PICTURE_WIDTH_MAX, PICTURE_HEIGHT_MAX, 3);
        before = picture;
        const peer_error_t error = histogram_hide(&work, &picture, (slice_t){ payload, size }, key);
        if (error == PEER_OK) most = size;
        else CHECK(error == PEER_ERROR_NO_ROOM && memcmp(&before, &picture, sizeof before) == 0, "as it was");
        for (size_t i = 0; error == PEER_OK && i < sizeof picture.samples; i++) {
            const int step = picture.samples[i] - before.samples[i];
            CHECK(step >= -1 && step <= 1, "one step at most");
        }
    }
    CHECK(most >= 400 && most < sizeof payload, "a letter with a reading fits, and not everything");
    for (uint16_t side = 0; side < PICTURE_SIDE_MIN; side++) {
        picture.width = side, picture.height = PICTURE_HEIGHT_MAX;
        CHECK(histogram_hide(&work, &picture, (slice_t){ payload, 1 }, key) == PEER_ERROR_STATE, "small");
    }
    picture.width = PICTURE_WIDTH_MAX + 1;
    CHECK(histogram_hide(&work, &picture, (slice_t){ payload, 1 }, key) == PEER_ERROR_STATE, "large");
    /* Nothing can be told apart in a picture of one colour at the end of its range. */
    for (int colour = 0; colour < 256; colour += 255) {
        picture.width = picture.height = PICTURE_SIDE_MIN;
        memset(picture.samples, colour, sizeof picture.samples);
        CHECK(histogram_hide(&work, &picture, (slice_t){ payload, 100 }, key) == PEER_ERROR_NO_ROOM, "black or white");
    }
    printf("picture: ok, %zu bytes fit into a phantom of %d by %d\n", most, PICTURE_WIDTH_MAX,
           PICTURE_HEIGHT_MAX);
}

/** Read in pieces of any size it is the same file; test/hardware reads it with other people's code. */
static void test_png(const char *path)
{
    static uint8_t whole[24000], piece[24000];
    png_stream_t stream;

    phantom_draw(&picture, 160, 120, 1);
    const size_t size = png_size(&picture);
    CHECK(size < sizeof whole, "room");
    png_stream_start(&stream, &picture);
    png_stream_read(&stream, whole, size);
    for (size_t step = 1; step < 700; step = step * 3 + 1) {
        png_stream_start(&stream, &picture);
        for (size_t at = 0; at < size; at += step) {
            png_stream_read(&stream, piece + at, at + step > size ? size - at : step);
        }
        CHECK(memcmp(whole, piece, size) == 0, "the same");
    }
    png_stream_read(&stream, piece, 100);
    CHECK(piece[99] == 0, "nothing beyond its end");
    if (path == NULL) return;
    static const uint8_t key[KEY_SIZE] = { 1, 2, 3 };
    CHECK(histogram_hide(&work, &picture, (slice_t){ (const uint8_t *)"a letter from C", 15 }, key)
              == PEER_OK, "hidden");
    png_stream_start(&stream, &picture);
    png_stream_read(&stream, whole, size);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(whole, 1, size, file) == size && fclose(file) == 0, path);
}

#endif

int main(int count, char **arguments)
{
    CHECK(crypto_start() == PEER_OK, "start");
    test_vectors();
#if PICTURE_DEPTH == 8
    test_limits();
    test_png(count > 1 ? arguments[1] : NULL);
#else
    (void)count, (void)arguments;
#endif
    printf("picture: ok, %d bits\n", PICTURE_DEPTH);
    return 0;
}
