#pragma once

#include "drivers/bmp280.h"
#include "drivers/mpu6050.h"
#include "drivers/sht4x.h"

/** The three sensors of a device; one that fails costs only its own values. */
typedef enum { SENSOR_BMP280, SENSOR_MPU6050, SENSOR_SHT4X, SENSORS } sensor_t;

/** What one reading consists of, in this order. Names and units stand in docs/SERIAL.md §6. */
typedef enum {
    VALUE_TEMP_BMP,     /**< 10^-2 °C */
    VALUE_TEMP_MPU,     /**< 10^-2 °C */
    VALUE_TEMP_SHT4,    /**< 10^-2 °C */
    VALUE_PRESSURE_BMP, /**< Pa */
    VALUE_AX,           /**< 10^-3 m/s² */
    VALUE_AY,
    VALUE_AZ,
    VALUE_GX, /**< 10^-4 rad/s */
    VALUE_GY,
    VALUE_GZ,
    VALUE_HUMID_SHT4, /**< 10^-2 % */
    VALUES,
} value_t;

typedef struct {
    uint16_t present; /**< Bit v: values[v] was measured. */
    int32_t values[VALUES];
} measurement_t;

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
