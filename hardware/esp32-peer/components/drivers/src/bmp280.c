#include "drivers/bmp280.h"

enum {
    REG_TRIM = 0x88,
    REG_ID = 0xD0,
    REG_CONTROL = 0xF4,
    REG_CONFIG = 0xF5,
    REG_DATA = 0xF7,
    CHIP_ID = 0x58,
    TRIM_SIZE = 24,
    NORMAL_T_X2_P_X16 = 0x57,      /* Ultra high resolution, §3.3.1. */
    STANDBY_500_MS_FILTER_4 = 0x88,
    FIRST_MEASUREMENT_MS = 44,
    CENTI_C_MIN = -4000,           /* The part's range, §1. */
    CENTI_C_MAX = 8500,
    PA_MIN = 30000,
    PA_MAX = 110000,
    ADC_SKIPPED = 0x80000,         /* What the registers hold until something was measured. */
};

static uint16_t u16_le(const uint8_t *at)
{
    return (uint16_t)(at[0] | (unsigned)at[1] << 8);
}

static void decode_trim(const uint8_t bytes[TRIM_SIZE], bmp280_trim_t *trim)
{
    trim->t1 = u16_le(bytes);
    trim->t2 = (int16_t)u16_le(bytes + 2);
    trim->t3 = (int16_t)u16_le(bytes + 4);
    trim->p1 = u16_le(bytes + 6);
    for (int i = 2; i <= 9; i++) trim->p[i] = (int16_t)u16_le(bytes + 4 + 2 * i);
}

static sensor_status_t probe(bmp280_t *sensor, const i2c_bus_t *bus, uint8_t address)
{
    uint8_t id = 0, trim[TRIM_SIZE];

    if (!i2c_read_registers(bus, address, REG_ID, &id, 1)) return SENSOR_ABSENT;
    if (id != CHIP_ID) return SENSOR_WRONG_ID;
    if (!i2c_read_registers(bus, address, REG_TRIM, trim, sizeof trim)) return SENSOR_ABSENT;
    if (!i2c_write_register(bus, address, REG_CONFIG, STANDBY_500_MS_FILTER_4)
        || !i2c_write_register(bus, address, REG_CONTROL, NORMAL_T_X2_P_X16)) {
        return SENSOR_ABSENT;
    }
    sensor->address = address;
    decode_trim(trim, &sensor->trim);
    bus->wait_ms(bus->context, FIRST_MEASUREMENT_MS);
    return sensor->trim.t1 != 0 && sensor->trim.p1 != 0 ? SENSOR_OK : SENSOR_OUT_OF_RANGE;
}

sensor_status_t bmp280_start(bmp280_t *sensor, const i2c_bus_t *bus)
{
    const sensor_status_t first = probe(sensor, bus, BMP280_ADDRESS);

    if (first == SENSOR_OK) return first;
    const sensor_status_t second = probe(sensor, bus, BMP280_ADDRESS_ALTERNATIVE);
    return second == SENSOR_ABSENT ? first : second;
}

/** Arithmetic shift right, for any sign: C11 leaves that of negative numbers to the compiler. */
static int64_t shift_right(int64_t value, unsigned bits)
{
    return value >= 0 ? value >> bits : ~(~value >> bits);
}

/** Returns t_fine, which the pressure depends on. */
static int64_t fine_temperature(const bmp280_trim_t *trim, int32_t adc_t)
{
    const int64_t t1 = trim->t1;
    const int64_t coarse = shift_right((adc_t / 8 - t1 * 2) * trim->t2, 11);
    const int64_t offset = adc_t / 16 - t1;

    return coarse + shift_right(shift_right(offset * offset, 12) * trim->t3, 14);
}

/** 0 where trimming values that no part has would overflow the sums. */
static uint32_t pressure_q8(const bmp280_trim_t *trim, int64_t t_fine, int32_t adc_p)
{
    const int16_t *p = trim->p;
    const int64_t a = t_fine - 128000;
    const int64_t offset = a * a * p[6] + a * p[5] * 131072 + (int64_t)p[4] * 34359738368;
    const int64_t slope = 140737488355328 + shift_right(a * a * p[3], 8) + a * p[2] * 4096;
    const int64_t raw = (int64_t)(1048576 - adc_p) * 2147483648 - offset;

    if (trim->p1 == 0 || slope <= 0 || slope > INT64_MAX / trim->p1) return 0;
    const int64_t divisor = shift_right(slope * trim->p1, 33);
    if (divisor == 0 || raw < 0 || raw > INT64_MAX / 3125) return 0;
    const int64_t coarse = raw * 3125 / divisor;
    if (coarse >= (int64_t)1 << 34) return 0;
    const int64_t scaled = shift_right(coarse, 13);
    const int64_t square = shift_right(p[9] * scaled * scaled, 25);
    const int64_t pressure =
        shift_right(coarse + square + shift_right(p[8] * coarse, 19), 8) + (int64_t)p[7] * 16;
    return pressure < 0 || pressure > UINT32_MAX ? 0 : (uint32_t)pressure;
}

bmp280_reading_t bmp280_compensate(const bmp280_trim_t *trim, int32_t adc_t, int32_t adc_p)
{
    const int64_t t_fine = fine_temperature(trim, adc_t);
    const int64_t centi_c = shift_right(t_fine * 5 + 128, 8);
    const bool is_measurable = centi_c >= CENTI_C_MIN && centi_c <= CENTI_C_MAX;

    return (bmp280_reading_t){ .temperature_centi_c = (int32_t)centi_c,
                               .pressure_pa_q8 =
                                   is_measurable ? pressure_q8(trim, t_fine, adc_p) : 0 };
}

sensor_status_t bmp280_read(const bmp280_t *sensor, const i2c_bus_t *bus, bmp280_reading_t *reading)
{
    uint8_t raw[6], id = 0;

    /* A part that was unplugged and came back measures nothing: its id alone would not tell. */
    if (!i2c_read_registers(bus, sensor->address, REG_ID, &id, 1)) return SENSOR_ABSENT;
    if (id != CHIP_ID) return SENSOR_WRONG_ID;
    if (!i2c_read_registers(bus, sensor->address, REG_DATA, raw, sizeof raw)) return SENSOR_ABSENT;
    const int32_t adc_p = (int32_t)((uint32_t)raw[0] << 12 | (uint32_t)raw[1] << 4 | raw[2] >> 4);
    const int32_t adc_t = (int32_t)((uint32_t)raw[3] << 12 | (uint32_t)raw[4] << 4 | raw[5] >> 4);
    if (adc_t == ADC_SKIPPED || adc_p == ADC_SKIPPED) return SENSOR_OUT_OF_RANGE;
    const bmp280_reading_t result = bmp280_compensate(&sensor->trim, adc_t, adc_p);
    if (result.temperature_centi_c < CENTI_C_MIN || result.temperature_centi_c > CENTI_C_MAX
        || result.pressure_pa_q8 < PA_MIN * 256u || result.pressure_pa_q8 > PA_MAX * 256u) {
        return SENSOR_OUT_OF_RANGE;
    }
    *reading = result;
    return SENSOR_OK;
}
