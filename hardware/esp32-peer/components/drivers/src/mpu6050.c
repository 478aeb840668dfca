#include "drivers/mpu6050.h"

enum {
    REG_GYRO_CONFIG = 0x1B,
    REG_ACCEL_CONFIG = 0x1C,
    REG_DATA = 0x3B,
    REG_POWER = 0x6B,
    REG_WHO_AM_I = 0x75,
    WHO_AM_I = 0x68,
    CLOCK_GYRO_X = 0x01, /* Awake, and on the steadier clock, §4.28 of the register map. */
    WAKE_UP_MS = 30,
};

static int16_t i16_be(const uint8_t *at)
{
    return (int16_t)((unsigned)at[0] << 8 | at[1]);
}

/** To the nearest, halves away from zero. */
static int32_t divide(int64_t value, int64_t by)
{
    return (int32_t)((value + (value < 0 ? -by : by) / 2) / by);
}

static sensor_status_t identify(const i2c_bus_t *bus)
{
    uint8_t id = 0;

    if (!i2c_read_registers(bus, MPU6050_ADDRESS, REG_WHO_AM_I, &id, 1)) return SENSOR_ABSENT;
    return id == WHO_AM_I ? SENSOR_OK : SENSOR_WRONG_ID;
}

sensor_status_t mpu6050_start(const i2c_bus_t *bus)
{
    const sensor_status_t status = identify(bus);

    if (status != SENSOR_OK) return status;
    if (!i2c_write_register(bus, MPU6050_ADDRESS, REG_POWER, CLOCK_GYRO_X)
        || !i2c_write_register(bus, MPU6050_ADDRESS, REG_GYRO_CONFIG, 0)
        || !i2c_write_register(bus, MPU6050_ADDRESS, REG_ACCEL_CONFIG, 0)) {
        return SENSOR_ABSENT;
    }
    bus->wait_ms(bus->context, WAKE_UP_MS);
    return SENSOR_OK;
}

sensor_status_t mpu6050_read(const i2c_bus_t *bus, mpu6050_reading_t *reading)
{
    uint8_t raw[14], power = 0;
    const sensor_status_t status = identify(bus);

    if (status != SENSOR_OK) return status;
    if (!i2c_read_registers(bus, MPU6050_ADDRESS, REG_POWER, &power, 1)
        || !i2c_read_registers(bus, MPU6050_ADDRESS, REG_DATA, raw, sizeof raw)) {
        return SENSOR_ABSENT;
    }
    /* Asleep: it lost its power in between, and holds zeros. */
    if (power != CLOCK_GYRO_X) return SENSOR_OUT_OF_RANGE;
    const int32_t temperature = 3653 + divide((int64_t)i16_be(raw + 6) * 100, 340);
    if (temperature < -4000 || temperature > 8500) return SENSOR_OUT_OF_RANGE;
    reading->temperature_centi_c = temperature;
    for (int axis = 0; axis < 3; axis++) {
        const int64_t acceleration = i16_be(raw + 2 * axis), rotation = i16_be(raw + 8 + 2 * axis);
        /* 16,384 a g of 9.80665 m/s²; 131 a degree a second, π / 180 rad. */
        reading->acceleration_mm_s2[axis] = divide(acceleration * 980665, 1638400);
        reading->rotation_urad_s[axis] = divide(rotation * 174532925, 1310000);
    }
    return SENSOR_OK;
}
