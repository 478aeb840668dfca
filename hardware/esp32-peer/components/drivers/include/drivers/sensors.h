#pragma once

#include "drivers/bmp280.h"
#include "drivers/mpu6050.h"
#include "drivers/sht4x.h"
#include "peer/reading.h"

/** The three sensors of a device; one that fails costs only its own values. */
typedef enum { SENSOR_BMP280, SENSOR_MPU6050, SENSOR_SHT4X, SENSORS } sensor_t;

/** All zero is a fresh start: nothing was probed yet. */
typedef struct {
    bmp280_t bmp280;
    bool is_started[SENSORS];
    sensor_status_t status[SENSORS]; /**< Of the last reading. */
    uint32_t failures[SENSORS];
} sensors_t;

/**
 * Reads what answers; probes again what did not the last time. Takes at most some 150 ms, and
 * the bus's own deadline for each call.
 */
void sensors_read(sensors_t *sensors, const i2c_bus_t *bus, measurement_t *measurement);
