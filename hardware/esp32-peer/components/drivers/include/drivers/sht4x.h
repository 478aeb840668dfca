#pragma once

#include "drivers/i2c_bus.h"

enum { SHT4X_ADDRESS = 0x44 };

typedef struct {
    int32_t temperature_centi_c;
    int32_t humidity_centi_percent; /**< Cut to 0 … 100 %, datasheet §4.6. */
} sht4x_reading_t;

/** Resets the part and reads its serial number, to see that it is there. */
sensor_status_t sht4x_start(const i2c_bus_t *bus);

/** Measures with high precision; takes 10 ms. */
sensor_status_t sht4x_read(const i2c_bus_t *bus, sht4x_reading_t *reading);

/** Polynomial 0x31, start 0xFF: 0xBEEF gives 0x92, §4.4. */
uint8_t sht4x_crc(const uint8_t word[2]);
