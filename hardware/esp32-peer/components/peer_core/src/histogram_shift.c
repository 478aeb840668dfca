/*
 * One plane in two layers, (x + y) even and odd. A layer is walked twice: first to count what it
 * carries, then to write. Both walks see the same, for a prediction uses the other layer and the
 * errors of cover samples only.
 */
#include "peer/histogram_shift.h"

#include <string.h>

#include "header_ring.h"
#include "peer/bytes.h"
#include "peer/chacha20.h"
#include "shift_model.h"

enum {
    UNIT = 16, /* Predictions and errors are counted in sixteenths. */
    ERROR_UNKNOWN = 2 * UNIT, /* What is thought of a prediction that was not made yet. */
    FAR = 63,
    EDGE = 3, /* Predictions this near to black or white are left alone. */
    WHITE = SAMPLE_MAX,
    STARTS = 1024,
    RING_BITS_SIZE = 8,
    END_MARK = 0x80,
    PROFILE_INTEGER = 2,
    STATE_START = 65536,
};

/** What is hidden: the ring's old bits, payload, tag, an end mark; all under the key's mask. */
typedef struct {
    const uint8_t *ring;
    slice_t payload, tag;
    keystream_t mask;
    uint32_t taken; /**< Bits. */
} body_t;

typedef struct {
    hiding_t *work;
    size_t stride;
    uint16_t width, height;
    unsigned parity;
    uint64_t price; /**< In 1/65536 bits a change. */
    body_t *body;   /**< NULL while counting. */
    uint32_t end;   /**< Samples that are walked. */
    uint32_t carriers, flags, used;
} layer_t;

static uint32_t body_size(const body_t *body)
{
    return (uint32_t)(RING_BITS_SIZE + body->payload.size + body->tag.size + 1);
}

static unsigned next_bit(body_t *body)
{
    const uint32_t index = body->taken / 8, in_payload = index - RING_BITS_SIZE;
    const uint32_t in_tag = in_payload - (uint32_t)body->payload.size;
    uint8_t byte = 0;

    if (index < RING_BITS_SIZE) byte = body->ring[index];
    else if (in_payload < body->payload.size) byte = body->payload.bytes[in_payload];
    else if (in_tag < body->tag.size) byte = body->tag.bytes[in_tag];
    else if (in_tag == body->tag.size) byte = END_MARK;
    byte ^= keystream_byte(&body->mask, index);
    return (unsigned)byte >> (body->taken++ % 8) & 1;
}

static int clamp(int value, int size)
{
    return value < 0 ? 0 : value < size ? value : size - 1;
}

/** The plane with a margin; its ring without the bits that carry the header. */
static void fill_field(hiding_t *work, const picture_t *picture)
{
    const int width = picture->width, height = picture->height;
    sample_t *out = work->field;

    for (int y = -FIELD_MARGIN; y < height + FIELD_MARGIN; y++) {
        for (int x = -FIELD_MARGIN; x < width + FIELD_MARGIN; x++) {
            const sample_t sample = picture->samples[clamp(y, height) * width + clamp(x, width)];
            const bool is_ring = y <= 0 || y >= height - 1 || x <= 0 || x >= width - 1;
            *out++ = is_ring ? sample & (sample_t)~1u : sample;
        }
    }
}

static void store_interior(const hiding_t *work, picture_t *picture)
{
    const size_t stride = picture->width + 2u * FIELD_MARGIN;

    for (size_t y = 1; y + 1 < picture->height; y++) {
        memcpy(picture->samples + y * picture->width + 1,
               work->field + (y + FIELD_MARGIN) * stride + FIELD_MARGIN + 1,
               (picture->width - 2u) * sizeof(sample_t));
    }
}

static int first_column(int y, unsigned parity)
{
    return 1 + (int)(((unsigned)y + 1 + parity) & 1);
}

static uint32_t layer_size(const picture_t *picture, unsigned parity)
{
    uint32_t count = 0;

    for (int y = 1; y < picture->height - 1; y++) {
        count += (uint32_t)(picture->width - first_column(y, parity)) / 2;
    }
    return count;
}

static unsigned difference(sample_t a, sample_t b)
{
    return a < b ? (unsigned)(b - a) : (unsigned)(a - b);
}

/** Differences between samples of the other layer around: neighbours and knight's moves. */
static uint32_t roughness(const sample_t *s, size_t stride)
{
    const ptrdiff_t row = (ptrdiff_t)stride;
    const sample_t n = s[-row], e = s[1], w = s[-1], south = s[row];
    const unsigned around =
        difference(n, w) + difference(w, south) + difference(south, e) + difference(e, n);
    const unsigned knights =
        difference(n, s[-row + 2]) + difference(n, s[-row - 2]) + difference(south, s[row - 2])
        + difference(south, s[row + 2]) + difference(w, s[-2 * row - 1])
        + difference(w, s[2 * row - 1]) + difference(e, s[-2 * row + 1])
        + difference(e, s[2 * row + 1]);

    return 48 * around + 24 * knights;
}

/** Errors of earlier predictions nearby, weighted by nearness; the last row is the one at hand. */
static uint32_t nearby(const hiding_t *work, int x)
{
    const size_t at = ERROR_MARGIN + (size_t)x;
    const sample_error_t *e = work->errors[4] + at, *s1 = work->errors[3] + at;
    const sample_error_t *s2 = work->errors[2] + at, *s3 = work->errors[1] + at;
    const sample_error_t *s4 = work->errors[0] + at;
    const uint32_t touching = (uint32_t)s1[-1] + s1[1], straight = (uint32_t)s2[0] + e[-2];
    const uint32_t beside = (uint32_t)s2[-2] + s2[2] + s1[-3] + s1[3];
    const uint32_t far = (uint32_t)s3[-1] + s3[1] + e[-4] + s4[0];
    const uint32_t wide = (uint32_t)s3[-3] + s3[3] + s2[-4] + s2[4];

    return 9 * touching + 8 * straight + 4 * beside + 2 * (far + wide);
}

static void forget_errors(sample_error_t *errors, size_t count)
{
    for (size_t i = 0; i < count; i++) errors[i] = ERROR_UNKNOWN;
}

static void start_row(hiding_t *work)
{
    memmove(work->errors[0], work->errors[1], 4 * sizeof work->errors[0]);
    forget_errors(work->errors[4], sizeof work->errors[4] / sizeof work->errors[4][0]);
}

static void start_layer(hiding_t *work)
{
    forget_errors(work->errors[0], sizeof work->errors / sizeof work->errors[0][0]);
    shift_model_start(work);
}

/** A stego sample at the end of the range may have moved there: both count as the end. */
static int counted_as(int sample)
{
    return sample <= 1 ? 0 : sample >= WHITE - 1 ? WHITE : sample;
}

static bool flag_at(const hiding_t *work, uint32_t index)
{
    return (work->flags[index / 8] >> index % 8 & 1) != 0;
}

/** Whether the carrier at hand says 1. The layer's last bits are its flags. */
static bool take_bit(layer_t *layer)
{
    const uint32_t index = layer->used++, bits = layer->carriers - layer->flags;

    return index < bits ? next_bit(layer->body) != 0 : flag_at(layer->work, index - bits);
}

static void add_flag(layer_t *layer, bool moves)
{
    uint8_t *byte = &layer->work->flags[layer->flags / 8];
    const uint8_t bit = (uint8_t)(1u << layer->flags++ % 8);

    *byte = (uint8_t)(moves ? *byte | bit : *byte & ~bit);
}

/** Counts or carries out what becomes of a sample `d` steps from its base. Returns its step. */
static int act(layer_t *layer, unsigned group, int d, int sample)
{
    const int up = layer->work->up[group], down = layer->work->down[group];
    const bool is_end = sample == 0 || sample == WHITE;

    if (d < up && d > down) return 0;
    const int step = d >= up ? 1 : -1;
    if (counted_as(sample) != sample || is_end) {
        if (layer->body == NULL) add_flag(layer, !is_end);
        return is_end ? 0 : step;
    }
    if (d != up && d != down) return step;
    if (layer->body != NULL) return take_bit(layer) ? step : 0;
    layer->carriers++;
    return 0;
}

/** Further out than any bin it does not matter how far. */
static int near(int d)
{
    return d < -FAR ? -FAR : d > FAR ? FAR : d;
}

static void visit(layer_t *layer, int x, int y)
{
    hiding_t *work = layer->work;
    sample_t *at = work->field + (size_t)(y + FIELD_MARGIN) * layer->stride + FIELD_MARGIN + x;
    const int mean = (at[-(ptrdiff_t)layer->stride] + at[layer->stride] + at[-1] + at[1]) * (UNIT / 4);
    const int fraction = mean % UNIT, counted = counted_as(*at);
    const bool is_turned = fraction > UNIT / 2;
    const int base = is_turned ? (mean + UNIT - 1) / UNIT : mean / UNIT;
    const int direction = is_turned ? -1 : 1;
    const int error = counted * UNIT - mean;

    if (base >= EDGE && base <= WHITE - EDGE) {
        const uint32_t noise = roughness(at, layer->stride) + nearby(work, x);
        const int folded = is_turned ? UNIT - fraction : fraction;
        const unsigned group = shift_level_of(noise) * SHIFT_KINDS + (unsigned)folded / 4;
        const int d = near((counted - base) * direction);

        shift_model_decide(work, group, layer->price);
        const int step = act(layer, group, d, *at) * direction;
        if (layer->body != NULL) *at = (sample_t)(*at + step);
        shift_model_learn(work, group, d);
    }
    work->errors[4][ERROR_MARGIN + x] = (sample_error_t)(error < 0 ? -error : error);
}

/** Walks `layer->end` samples; or, if `step` is not 0, to the first multiple with enough bits. */
static void walk(layer_t *layer, uint32_t step, int64_t enough)
{
    uint32_t index = 0;

    start_layer(layer->work);
    for (int y = 1; y < layer->height - 1; y++) {
        start_row(layer->work);
        for (int x = first_column(y, layer->parity); x < layer->width - 1; x += 2) {
            const int64_t bits = (int64_t)layer->carriers - layer->flags;
            const bool is_enough = step != 0 && index % step == 0 && index > 0 && bits >= enough;

            if (index == layer->end || is_enough) {
                layer->end = index;
                return;
            }
            visit(layer, x, y);
            index++;
        }
    }
}

/** Counts, then writes. False if the flags alone are more than the layer carries. */
static bool embed_layer(layer_t *layer, body_t *body, uint32_t step)
{
    const int64_t missing = (int64_t)8 * body_size(body) - body->taken;

    /* A layer that nothing is left for still has to hold its own flags. */
    walk(layer, step, missing > 0 ? missing : 0);
    if (layer->carriers < layer->flags) return false;
    layer->body = body;
    walk(layer, 0, 0);
    return true;
}

/** Both layers at one price, into the field. `*start`: where the last one was left. */
static bool embed_field(hiding_t *work, const picture_t *picture, body_t *body, uint32_t price,
                        uint32_t *start)
{
    fill_field(work, picture);
    body->taken = 0;
    for (unsigned parity = 0; parity < 2; parity++) {
        const uint32_t size = layer_size(picture, parity);
        const uint32_t step = parity == 1 ? (size + STARTS - 1) / STARTS : 0;
        layer_t layer = { .work = work,
                          .stride = picture->width + 2u * FIELD_MARGIN,
                          .width = picture->width,
                          .height = picture->height,
                          .parity = parity,
                          .price = (uint64_t)price * price / 16,
                          .end = size };

        if (!embed_layer(&layer, body, step)) return false;
        if (step > 0) *start = layer.end == 0 ? 0 : (layer.end + step - 1) / step - 1;
    }
    return body->taken >= 8 * body_size(body);
}

static bool is_picture(const picture_t *picture)
{
    return picture->width >= PICTURE_SIDE_MIN && picture->width <= PICTURE_WIDTH_MAX
           && picture->height >= PICTURE_SIDE_MIN && picture->height <= PICTURE_HEIGHT_MAX;
}

static void write_header(const header_ring_t *ring, picture_t *picture, uint32_t price,
                         uint32_t start)
{
    const uint32_t rest = PROFILE_INTEGER | price << 5 | start << 17;
    const uint8_t bits[RING_BITS_SIZE] = { 0, 0, STATE_START >> 16, 0, (uint8_t)rest,
                                           (uint8_t)(rest >> 8), (uint8_t)(rest >> 16),
                                           (uint8_t)(rest >> 24) };
    header_ring_write(ring, picture, bits);
}

/** The highest price at which it fits, or one near it: how much fits falls with the price. */
static bool find_price(hiding_t *work, const picture_t *picture, body_t *body, uint32_t *price)
{
    uint32_t low = 0, high = PRICE_MAX + 1, start = 0;

    if (!embed_field(work, picture, body, 0, &start)) return false;
    while (high - low > 1 + low / 256) {
        const uint32_t middle = (low + high) / 2;

        if (embed_field(work, picture, body, middle, &start)) low = middle;
        else high = middle;
    }
    *price = low;
    return true;
}

/** `price` is given, or found if it is NULL. */
static peer_error_t embed(hiding_t *work, picture_t *picture, slice_t payload, slice_t tag,
                          const uint8_t key[KEY_SIZE], const uint32_t *given)
{
    uint8_t old_bits[RING_BITS_SIZE];
    body_t body = { .ring = old_bits, .payload = payload, .tag = tag };
    uint32_t price = given == NULL ? 0 : *given, start = 0;
    header_ring_t ring;

    header_ring_start(&ring, picture, key, work->ring);
    header_ring_read(&ring, picture, old_bits);
    keystream_start(&body.mask, key, "body");
    if (given == NULL && !find_price(work, picture, &body, &price)) return PEER_ERROR_NO_ROOM;
    if (!embed_field(work, picture, &body, price, &start)) return PEER_ERROR_NO_ROOM;
    store_interior(work, picture);
    write_header(&ring, picture, price, start);
    crypto_wipe(&body.mask, sizeof body.mask);
    return PEER_OK;
}

peer_error_t histogram_embed(hiding_t *work, picture_t *picture, slice_t payload,
                             const uint8_t key[KEY_SIZE], uint32_t price)
{
    if (!is_picture(picture) || price > PRICE_MAX) return PEER_ERROR_STATE;
    return embed(work, picture, payload, (slice_t){ payload.bytes, 0 }, key, &price);
}

/** Samples as the tag takes them: those of 16 bit big-endian, written to what the work area lends. */
static slice_t bytes_of(hiding_t *work, const picture_t *cover)
{
    const size_t count = (size_t)cover->width * cover->height;
    uint8_t *out = (uint8_t *)work->field;

    for (size_t i = 0; i < count; i++) {
        if (PICTURE_DEPTH == 16) *out++ = (uint8_t)(cover->samples[i] >> 8);
        *out++ = (uint8_t)cover->samples[i];
    }
    return (slice_t){ (const uint8_t *)work->field, count * sizeof(sample_t) };
}

/** HMAC of the cover's hash and the payload, under a key of its own. */
static peer_error_t tag_of(hiding_t *work, const picture_t *cover, slice_t payload,
                           const uint8_t key[KEY_SIZE], uint8_t tag[HASH_SIZE])
{
    const slice_t samples = bytes_of(work, cover);
    uint8_t tag_key[KEY_SIZE], hash[HASH_SIZE];
    const slice_t parts[] = { { hash, sizeof hash }, payload };
    keystream_t stream;

    PEER_TRY(crypto_hash(&samples, 1, hash));
    keystream_start(&stream, key, "tag");
    for (uint32_t i = 0; i < KEY_SIZE; i++) tag_key[i] = keystream_byte(&stream, i);
    const peer_error_t error = crypto_hmac((slice_t){ tag_key, KEY_SIZE }, parts, 2, tag);
    crypto_wipe(tag_key, sizeof tag_key);
    crypto_wipe(&stream, sizeof stream);
    return error;
}

peer_error_t histogram_hide(hiding_t *work, picture_t *picture, slice_t payload,
                            const uint8_t key[KEY_SIZE])
{
    uint8_t tag[HASH_SIZE];

    if (!is_picture(picture)) return PEER_ERROR_STATE;
    PEER_TRY(tag_of(work, picture, payload, key, tag));
    return embed(work, picture, payload, (slice_t){ tag, HIDDEN_TAG_SIZE }, key, NULL);
}
