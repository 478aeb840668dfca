/* A reading as it waits: 384 of them are most of a contact's memory. */
#include "packed_reading.h"

/** The values that need more than 16 bits. */
static bool is_wide(int value)
{
    return value == VALUE_PRESSURE_BMP || (value >= VALUE_GX && value <= VALUE_GZ);
}

packed_reading_t packed_reading_of(const reading_t *reading)
{
    const uint64_t seconds = reading->time_ms / 1000;
    packed_reading_t packed = { .time_s = (uint32_t)seconds,
                                .time_high = (uint8_t)(seconds >> 32),
                                .time_ms = (uint16_t)(reading->time_ms % 1000),
                                .is_unsure = reading->is_unsure,
                                .present = reading->measurement.present };
    size_t narrow = 0, wide = 0;

    for (int value = 0; value < VALUES; value++) {
        const int32_t number = reading->measurement.values[value];

        if (is_wide(value)) {
            packed.wide[wide++] = number;
            continue;
        }
        packed.narrow[narrow++] = (int16_t)number;
        if (number != (int16_t)number) packed.present &= (uint16_t)~(1u << value);
    }
    return packed;
}

reading_t reading_of(const packed_reading_t *packed)
{
    const uint64_t seconds = (uint64_t)packed->time_high << 32 | packed->time_s;
    reading_t reading = { .time_ms = seconds * 1000 + packed->time_ms,
                          .is_unsure = packed->is_unsure != 0,
                          .measurement.present = packed->present };
    size_t narrow = 0, wide = 0;

    for (int value = 0; value < VALUES; value++) {
        reading.measurement.values[value] =
            is_wide(value) ? packed->wide[wide++] : packed->narrow[narrow++];
    }
    return reading;
}
