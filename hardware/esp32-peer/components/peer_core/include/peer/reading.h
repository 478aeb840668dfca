#pragma once

#include <stdbool.h>
#include <stdint.h>

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

/** A measurement with its time. */
typedef struct {
    uint64_t time_ms; /**< Unix time; while unsure, the device's uptime. */
    bool is_unsure;
    measurement_t measurement;
} reading_t;
