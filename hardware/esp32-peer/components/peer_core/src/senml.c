#include "peer/senml.h"

#include <string.h>

#include "peer/bytes.h"

/** CBOR's major types, and SenML's labels as they are coded, RFC 8428 §6. */
enum {
    UNSIGNED = 0,
    NEGATIVE = 1,
    TEXT = 3,
    ARRAY = 4,
    MAP = 5,
    TAG = 6,
    DECIMAL_FRACTION = 4,
    CBOR_TRUE = 0xF5,
    HALF_FLOAT = 0xF9,
    HALF_VALUE_MAX = 60000, /* A little less than a half float holds. */
    LABEL_NAME = 0x00,
    LABEL_VALUE = 0x02,
    LABEL_BOOLEAN = 0x04,
    LABEL_TIME = 0x06,
    LABEL_BASE_NAME = 0x21,
    LABEL_BASE_TIME = 0x22,
    LABEL_BASE_UNIT = 0x23,
};

typedef struct {
    const char *name, *unit;
    int8_t exponent;
    bool is_coarse; /**< Eleven bits are more than the sensor knows. */
} quantity_t;

static const quantity_t QUANTITIES[VALUES] = {
    { "temp_bmp", "Cel", -2, false },    { "temp_mpu", "Cel", -2, true },
    { "temp_sht4", "Cel", -2, false },   { "pressure_bmp", "Pa", 0, false },
    { "ax", "m/s2", -3, true },          { "ay", "m/s2", -3, true },
    { "az", "m/s2", -3, true },          { "gx", "rad/s", -4, true },
    { "gy", "rad/s", -4, true },         { "gz", "rad/s", -4, true },
    { "humid_sht4", "%RH", -2, false },
};

/** One record; what is NULL or 0 is left out, as the bases that hold already are. */
typedef struct {
    const char *name;
    const char *base;  /**< What follows the device's name and ':' in a new base name. */
    const char *unit;
    bool is_true;      /**< Says "true" instead of a number. */
    int64_t mantissa;
    const quantity_t *quantity; /**< How the number is written; NULL: as an integer. */
    uint64_t later_ms; /**< Than the pack's base time. */
} record_t;

typedef struct {
    uint8_t *out;
    size_t room, size;
    bool is_full;
    const char *unit; /**< The base unit that holds now. */
    bool has_base;    /**< The first record carries name and time for all. */
    const char *device;
    uint64_t time_ms;
} writer_t;

static void put(writer_t *writer, const void *bytes, size_t size)
{
    if (size > writer->room - writer->size) {
        writer->is_full = true;
        return;
    }
    memcpy(writer->out + writer->size, bytes, size);
    writer->size += size;
}

static void put_byte(writer_t *writer, uint8_t byte)
{
    put(writer, &byte, 1);
}

/** The shortest head for `argument`, as RFC 8949 §4.2.1 asks. */
static void put_head(writer_t *writer, unsigned major, uint64_t argument)
{
    uint8_t head[9];
    const uint8_t type = (uint8_t)(major << 5);

    if (argument < 24) {
        put_byte(writer, (uint8_t)(type | argument));
    } else if (argument <= UINT8_MAX) {
        put_byte(writer, type | 24);
        put_byte(writer, (uint8_t)argument);
    } else if (argument <= UINT16_MAX) {
        head[0] = type | 25;
        put_u16(head + 1, (uint16_t)argument);
        put(writer, head, 3);
    } else if (argument <= UINT32_MAX) {
        head[0] = type | 26;
        put_u32(head + 1, (uint32_t)argument);
        put(writer, head, 5);
    } else {
        head[0] = type | 27;
        put_u64(head + 1, argument);
        put(writer, head, 9);
    }
}

static void put_integer(writer_t *writer, int64_t value)
{
    if (value >= 0) put_head(writer, UNSIGNED, (uint64_t)value);
    else put_head(writer, NEGATIVE, (uint64_t)(-(value + 1)));
}

/** mantissa · 10^exponent, exact, where a float would not be; the shortest way to say it. */
static void put_number(writer_t *writer, int64_t mantissa, int exponent)
{
    for (; exponent < 0 && mantissa % 10 == 0; exponent++) mantissa /= 10;
    if (exponent != 0) {
        put_head(writer, TAG, DECIMAL_FRACTION);
        put_head(writer, ARRAY, 2);
        put_integer(writer, exponent);
    }
    put_integer(writer, mantissa);
}

/** The half float nearest to `magnitude` / `divisor`, which is less than HALF_VALUE_MAX. */
static uint16_t half_of(uint32_t magnitude, uint32_t divisor)
{
    enum { STEPS = 24, EXTRA = 8, SIGNIFICANT = 11 }; /* The least half float is 2^-24. */
    const uint64_t scaled = ((uint64_t)magnitude << (STEPS + EXTRA)) / divisor;
    const bool is_exact = ((uint64_t)magnitude << (STEPS + EXTRA)) % divisor == 0;
    unsigned shift = EXTRA;

    while (scaled >> shift >= 1u << SIGNIFICANT) shift++;
    const uint64_t low = scaled & ((UINT64_C(1) << shift) - 1), middle = UINT64_C(1) << (shift - 1);
    uint32_t significand = (uint32_t)(scaled >> shift);
    const bool is_above = low > middle || (low == middle && !is_exact);
    if (is_above || (low == middle && significand % 2 == 1)) significand++;
    /* The leading bit of the significand adds one to the exponent, also when it was rounded up. */
    return (uint16_t)(((shift - EXTRA) << (SIGNIFICANT - 1)) + significand);
}

static void put_quantity(writer_t *writer, int64_t mantissa, const quantity_t *quantity)
{
    const uint32_t magnitude = (uint32_t)(mantissa < 0 ? -mantissa : mantissa);
    uint8_t bytes[3] = { HALF_FLOAT };
    uint32_t divisor = 1;

    for (int i = 0; i > quantity->exponent; i--) divisor *= 10;
    const bool is_short = mantissa % divisor == 0 || magnitude / HALF_VALUE_MAX >= divisor;
    if (!quantity->is_coarse || is_short) {
        put_number(writer, mantissa, quantity->exponent);
        return;
    }
    put_u16(bytes + 1, (uint16_t)(half_of(magnitude, divisor) | (mantissa < 0 ? 0x8000u : 0u)));
    put(writer, bytes, sizeof bytes);
}

static void put_text(writer_t *writer, const char *text, const char *separator, const char *rest)
{
    put_head(writer, TEXT, strlen(text) + strlen(separator) + strlen(rest));
    put(writer, text, strlen(text));
    put(writer, separator, strlen(separator));
    put(writer, rest, strlen(rest));
}

/** In the order of the labels' bytes, RFC 8949 §4.2.1. */
static void put_record(writer_t *writer, record_t record)
{
    const bool is_first = !writer->has_base;
    const char *unit = record.unit, *known = writer->unit;
    const bool is_new_unit = unit != NULL && (known == NULL || strcmp(unit, known) != 0);
    const bool has_base = record.base != NULL || is_first;
    const bool is_later = record.later_ms != 0;

    put_head(writer, MAP, 1u + (record.name != NULL) + is_later + has_base + is_first + is_new_unit);
    if (record.name != NULL) {
        put_byte(writer, LABEL_NAME);
        put_text(writer, record.name, "", "");
    }
    put_byte(writer, record.is_true ? LABEL_BOOLEAN : LABEL_VALUE);
    if (record.is_true) put_byte(writer, CBOR_TRUE);
    else if (record.quantity == NULL) put_integer(writer, record.mantissa);
    else put_quantity(writer, record.mantissa, record.quantity);
    if (is_later) {
        put_byte(writer, LABEL_TIME);
        put_number(writer, (int64_t)record.later_ms, -3);
    }
    if (has_base) {
        put_byte(writer, LABEL_BASE_NAME);
        put_text(writer, writer->device, ":", record.base == NULL ? "" : record.base);
    }
    if (is_first) {
        put_byte(writer, LABEL_BASE_TIME);
        put_number(writer, (int64_t)writer->time_ms, -3);
    }
    if (is_new_unit) {
        put_byte(writer, LABEL_BASE_UNIT);
        put_text(writer, unit, "", "");
        writer->unit = unit;
    }
    writer->has_base = true;
}

static void put_health(writer_t *writer, const health_t *health)
{
    const struct {
        const char *name, *unit;
        uint32_t value;
    } rows[] = {
        { "boots", "count", health->boots },
        { "crashes", "count", health->crashes },
        { "brownouts", "count", health->brownouts },
        { "reset_reason", "count", health->reset_reason },
        { "dropped", "count", health->dropped },
        { "queued", "count", health->queued },
        { "line_errors", "count", health->line_errors },
        { "tag_failures", "count", health->tag_failures },
        { "heap_free", "B", health->heap_free },
        { "stack_free", "B", health->stack_free },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put_record(writer, (record_t){ .name = rows[i].name,
                                       .unit = rows[i].unit,
                                       .mantissa = rows[i].value });
    }
}

static bool has_value(const reading_t *reading, int value)
{
    return (reading->measurement.present >> value & 1) != 0;
}

/** One value of all readings. What several share stands in the base name, and once. */
static void put_values(writer_t *writer, const reading_t *readings, size_t count, int value)
{
    const quantity_t *quantity = &QUANTITIES[value];
    const char *base = count > 1 ? quantity->name : NULL;

    for (size_t i = 0; i < count; i++) {
        if (!has_value(&readings[i], value)) continue;
        put_record(writer, (record_t){ .name = count > 1 ? NULL : quantity->name,
                                       .base = base,
                                       .unit = quantity->unit,
                                       .mantissa = readings[i].measurement.values[value],
                                       .quantity = quantity,
                                       .later_ms = readings[i].time_ms - writer->time_ms });
        base = NULL;
    }
}

peer_error_t senml_encode(const char *device, const reading_t *readings, size_t count,
                          const health_t *health, uint8_t *out, size_t room, size_t *size)
{
    writer_t writer = { .out = out, .room = room, .device = device, .time_ms = readings->time_ms };
    unsigned records = (readings->is_unsure ? 1u : 0u) + (health != NULL ? 10u : 0u);

    for (size_t i = 0; i < count; i++) {
        for (int value = 0; value < VALUES; value++) records += has_value(&readings[i], value);
    }
    put_head(&writer, ARRAY, records);
    if (readings->is_unsure) put_record(&writer, (record_t){ .name = "unsure", .is_true = true });
    if (health != NULL) put_health(&writer, health);
    for (int value = 0; value < VALUES; value++) put_values(&writer, readings, count, value);
    if (writer.is_full) return PEER_ERROR_NO_ROOM;
    *size = writer.size;
    return PEER_OK;
}
