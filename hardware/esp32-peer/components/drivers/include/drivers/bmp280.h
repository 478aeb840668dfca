#pragma once

#include "drivers/i2c_bus.h"

enum { BMP280_ADDRESS = 0x76, BMP280_ADDRESS_ALTERNATIVE = 0x77 };

/** Trimming values, datasheet §3.11.2. */
typedef struct {
    uint16_t t1;
    int16_t t2, t3;
    uint16_t p1;
    int16_t p[10]; /**< p[2] … p[9]; 0 and 1 are unused. */
} bmp280_trim_t;

typedef struct {
    uint8_t address;
    bmp280_trim_t trim;
} bmp280_t;

typedef struct {
    int32_t temperature_centi_c;
    uint32_t pressure_pa_q8; /**< Pascal with 8 binary places. */
} bmp280_reading_t;

/** Probes both addresses, reads the trimming values and starts measuring in normal mode. */
sensor_status_t bmp280_start(bmp280_t *sensor, const i2c_bus_t *bus);
sensor_status_t bmp280_read(const bmp280_t *sensor, const i2c_bus_t *bus,
                            bmp280_reading_t *reading);

/** Datasheet §3.11.3 in 64-bit integers. */
bmp280_reading_t bmp280_compensate(const bmp280_trim_t *trim, int32_t adc_t, int32_t adc_p);
