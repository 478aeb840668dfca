#include "drivers/sensors.h"

#include <string.h>

static void put(measurement_t *measurement, value_t value, int32_t number)
{
    measurement->values[value] = number;
    measurement->present |= (uint16_t)(1u << value);
}

static int32_t divide(int32_t value, int32_t by)
{
    return (value + (value < 0 ? -by : by) / 2) / by;
}

static sensor_status_t read_bmp280(sensors_t *sensors, const i2c_bus_t *bus, measurement_t *to)
{
    bmp280_reading_t reading;
    sensor_status_t status = SENSOR_OK;

    if (!sensors->is_started[SENSOR_BMP280]) status = bmp280_start(&sensors->bmp280, bus);
    if (status == SENSOR_OK) status = bmp280_read(&sensors->bmp280, bus, &reading);
    if (status != SENSOR_OK) return status;
    put(to, VALUE_TEMP_BMP, reading.temperature_centi_c);
    put(to, VALUE_PRESSURE_BMP, (int32_t)((reading.pressure_pa_q8 + 128) / 256));
    return SENSOR_OK;
}

static sensor_status_t read_mpu6050(sensors_t *sensors, const i2c_bus_t *bus, measurement_t *to)
{
    mpu6050_reading_t reading;
    sensor_status_t status = SENSOR_OK;

    if (!sensors->is_started[SENSOR_MPU6050]) status = mpu6050_start(bus);
    if (status == SENSOR_OK) status = mpu6050_read(bus, &reading);
    if (status != SENSOR_OK) return status;
    put(to, VALUE_TEMP_MPU, reading.temperature_centi_c);
    for (int axis = 0; axis < 3; axis++) {
        put(to, (value_t)(VALUE_AX + axis), reading.acceleration_mm_s2[axis]);
        put(to, (value_t)(VALUE_GX + axis), divide(reading.rotation_urad_s[axis], 100));
    }
    return SENSOR_OK;
}

static sensor_status_t read_sht4x(sensors_t *sensors, const i2c_bus_t *bus, measurement_t *to)
{
    sht4x_reading_t reading;
    sensor_status_t status = SENSOR_OK;

    if (!sensors->is_started[SENSOR_SHT4X]) status = sht4x_start(bus);
    if (status == SENSOR_OK) status = sht4x_read(bus, &reading);
    if (status != SENSOR_OK) return status;
    put(to, VALUE_TEMP_SHT4, reading.temperature_centi_c);
    put(to, VALUE_HUMID_SHT4, reading.humidity_centi_percent);
    return SENSOR_OK;
}

void sensors_read(sensors_t *sensors, const i2c_bus_t *bus, measurement_t *measurement)
{
    static sensor_status_t (*const READ[SENSORS])(sensors_t *, const i2c_bus_t *,
                                                  measurement_t *) = { read_bmp280, read_mpu6050,
                                                                       read_sht4x };

    memset(measurement, 0, sizeof *measurement);
    for (int sensor = 0; sensor < SENSORS; sensor++) {
        const sensor_status_t status = READ[sensor](sensors, bus, measurement);

        sensors->status[sensor] = status;
        sensors->is_started[sensor] = status == SENSOR_OK;
        if (status != SENSOR_OK) sensors->failures[sensor]++;
    }
}
