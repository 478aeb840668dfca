#pragma once

#include "drivers/i2c_bus.h"

enum { MPU6050_ADDRESS = 0x68 };

typedef struct {
    int32_t acceleration_mm_s2[3]; /**< x, y, z; ±2 g */
    int32_t rotation_urad_s[3];    /**< x, y, z; ±250 °/s */
    int32_t temperature_centi_c;
} mpu6050_reading_t;

/** Checks who answers, wakes the part, sets ±2 g and ±250 °/s. */
sensor_status_t mpu6050_start(const i2c_bus_t *bus);
sensor_status_t mpu6050_read(const i2c_bus_t *bus, mpu6050_reading_t *reading);
