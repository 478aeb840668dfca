#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One I2C bus with 7-bit addresses: the chip's, or a model of it. Every call has a deadline. */
typedef struct {
    void *context;
    /**
     * Writes `write_size` bytes, then reads `read_size`, either may be 0. False if nobody
     * acknowledged or the bus is stuck.
     */
    bool (*transfer)(void *context, uint8_t address, const uint8_t *write, size_t write_size,
                     uint8_t *read, size_t read_size);
    /** Lets at least `ms` pass. */
    void (*wait_ms)(void *context, uint32_t ms);
} i2c_bus_t;

/** What reading a sensor came to. */
typedef enum {
    SENSOR_OK,
    SENSOR_ABSENT,     /**< Nobody answers, or the bus is stuck. */
    SENSOR_WRONG_ID,   /**< Somebody else answers. */
    SENSOR_BAD_CRC,    /**< The wire changed what was read. */
    SENSOR_OUT_OF_RANGE, /**< A value that the part cannot measure, so it did not. */
} sensor_status_t;

static inline bool i2c_read_registers(const i2c_bus_t *bus, uint8_t address, uint8_t first,
                                      uint8_t *bytes, size_t size)
{
    return bus->transfer(bus->context, address, &first, 1, bytes, size);
}

static inline bool i2c_write_register(const i2c_bus_t *bus, uint8_t address, uint8_t reg,
                                      uint8_t value)
{
    const uint8_t bytes[] = { reg, value };
    return bus->transfer(bus->context, address, bytes, sizeof bytes, NULL, 0);
}
