#pragma once

#include "drivers/i2c_bus.h"

/** Register-level models of the three sensors on one bus, with faults on demand. */

typedef enum {
    FAULT_NONE,
    FAULT_ABSENT,   /**< Does not acknowledge. */
    FAULT_STUCK,    /**< Holds the data line when it is spoken to, until the bus is clocked free. */
    FAULT_WRONG_ID, /**< Another part at its address. */
    FAULT_BAD_CRC,  /**< SHT4x: one bit of each checksum is wrong. */
    FAULT_ABSURD,   /**< All ones where measurements stand. */
} fault_t;

typedef struct {
    fault_t bmp280, mpu6050, sht4x;
    uint8_t bmp280_address;
    int32_t bmp280_adc_t, bmp280_adc_p;
    int16_t mpu6050_raw[7]; /**< ax ay az temperature gx gy gz */
    uint16_t sht4x_raw[2];  /**< temperature, humidity */
    uint32_t waited_ms;  /**< By the drivers, and for a bus that was held. */
    uint32_t recoveries; /**< How often the bus was clocked free. */
    /* What the parts remember. */
    bool is_held;
    bool bmp280_is_measuring;
    uint8_t mpu6050_power;
    uint8_t sht4x_command;
} sensor_model_t;

/** The parts as datasheets' examples have them: 25.08 °C and 100,653 Pa; lying flat. */
void sensor_model_start(sensor_model_t *model);

/** Takes the power of every part for a moment. */
void sensor_model_power_cycle(sensor_model_t *model);

i2c_bus_t sensor_model_bus(sensor_model_t *model);
