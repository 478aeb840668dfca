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
    LABEL_NAME = 0x00,
    LABEL_VALUE = 0x02,
    LABEL_BOOLEAN = 0x04,
    LABEL_BASE_NAME = 0x21,
    LABEL_BASE_TIME = 0x22,
    LABEL_BASE_UNIT = 0x23,
};

typedef struct {
    const char *name, *unit;
    int8_t exponent;
} quantity_t;

static const quantity_t QUANTITIES[VALUES] = {
    { "temp_bmp", "Cel", -2 }, { "temp_mpu", "Cel", -2 },   { "temp_sht4", "Cel", -2 },
    { "pressure_bmp", "Pa", 0 }, { "ax", "m/s2", -3 },      { "ay", "m/s2", -3 },
    { "az", "m/s2", -3 },      { "gx", "rad/s", -4 },       { "gy", "rad/s", -4 },
    { "gz", "rad/s", -4 },     { "humid_sht4", "%RH", -2 },
};

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

/** mantissa · 10^exponent: exact, where a float would not be. */
static void put_number(writer_t *writer, int64_t mantissa, int exponent)
{
    if (exponent != 0) {
        put_head(writer, TAG, DECIMAL_FRACTION);
        put_head(writer, ARRAY, 2);
        put_integer(writer, exponent);
    }
    put_integer(writer, mantissa);
}

static void put_text(writer_t *writer, const char *text, const char *suffix)
{
    put_head(writer, TEXT, strlen(text) + strlen(suffix));
    put(writer, text, strlen(text));
    put(writer, suffix, strlen(suffix));
}

static void put_time(writer_t *writer, uint64_t time_ms)
{
    if (time_ms % 1000 == 0) put_number(writer, (int64_t)(time_ms / 1000), 0);
    else put_number(writer, (int64_t)time_ms, -3);
}

/** Opens a record up to its value, and closes it with the bases that are new. */
static void begin_record(writer_t *writer, const char *name, const char *unit)
{
    const bool is_new_unit = unit != NULL && (writer->unit == NULL || strcmp(unit, writer->unit));

    put_head(writer, MAP, 2u + (writer->has_base ? 0 : 2) + (is_new_unit ? 1 : 0));
    put_byte(writer, LABEL_NAME);
    put_text(writer, name, "");
}

static void end_record(writer_t *writer, const char *unit)
{
    if (!writer->has_base) {
        put_byte(writer, LABEL_BASE_NAME);
        put_text(writer, writer->device, ":");
        put_byte(writer, LABEL_BASE_TIME);
        put_time(writer, writer->time_ms);
        writer->has_base = true;
    }
    if (unit == NULL || (writer->unit != NULL && strcmp(unit, writer->unit) == 0)) return;
    put_byte(writer, LABEL_BASE_UNIT);
    put_text(writer, unit, "");
    writer->unit = unit;
}

static void put_value(writer_t *writer, const char *name, const char *unit, int64_t mantissa,
                      int exponent)
{
    begin_record(writer, name, unit);
    put_byte(writer, LABEL_VALUE);
    put_number(writer, mantissa, exponent);
    end_record(writer, unit);
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
        put_value(writer, rows[i].name, rows[i].unit, rows[i].value, 0);
    }
}

static unsigned records_of(const reading_t *reading, const health_t *health)
{
    unsigned records = (reading->is_unsure ? 1u : 0u) + (health != NULL ? 10u : 0u);

    for (int value = 0; value < VALUES; value++) records += reading->measurement.present >> value & 1;
    return records;
}

peer_error_t senml_encode(const char *device, const reading_t *reading, const health_t *health,
                          uint8_t *out, size_t room, size_t *size)
{
    writer_t writer = { .out = out, .room = room, .device = device, .time_ms = reading->time_ms };

    put_head(&writer, ARRAY, records_of(reading, health));
    if (reading->is_unsure) {
        begin_record(&writer, "unsure", NULL);
        put_byte(&writer, LABEL_BOOLEAN);
        put_byte(&writer, CBOR_TRUE);
        end_record(&writer, NULL);
    }
    for (int value = 0; value < VALUES; value++) {
        const quantity_t *quantity = &QUANTITIES[value];

        if ((reading->measurement.present >> value & 1) == 0) continue;
        put_value(&writer, quantity->name, quantity->unit, reading->measurement.values[value],
                  quantity->exponent);
    }
    if (health != NULL) put_health(&writer, health);
    if (writer.is_full) return PEER_ERROR_NO_ROOM;
    *size = writer.size;
    return PEER_OK;
}
