/*
 * Goal: the three drivers compute what the datasheets say, and a part that fails in whatever way
 * costs its own values only, is probed again, and never puts out an absurd number.
 * Method: register-level models of the parts; the datasheets' examples; every fault in turn.
 */
#include "../host/sensor_model.h"
#include "check.h"
#include "drivers/sensors.h"

static const uint16_t OF_BMP280 = 1u << VALUE_TEMP_BMP | 1u << VALUE_PRESSURE_BMP;
static const uint16_t OF_SHT4X = 1u << VALUE_TEMP_SHT4 | 1u << VALUE_HUMID_SHT4;
static const uint16_t ALL = (1u << VALUES) - 1;

static void test_bmp280_datasheet(void)
{
    const bmp280_trim_t trim = {
        27504, 26435, -1000, 36477, { 0, 0, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000 }
    };
    const bmp280_reading_t reading = bmp280_compensate(&trim, 519888, 415148);

    CHECK(reading.temperature_centi_c == 2508, "25.08 °C");
    CHECK(reading.pressure_pa_q8 == 25767233, "100,653.254 Pa");
}

/** Trimming values and numbers that no part has: the sums must not overflow. */
static void test_bmp280_extremes(void)
{
    static const int32_t EDGES[] = { -32768, -1, 0, 1, 32767 };
    uint32_t seed = 1;

    for (int round = 0; round < 20000; round++) {
        bmp280_trim_t trim = { 0 };
        for (int i = 2; i <= 9; i++) {
            seed = seed * 1664525u + 1013904223u;
            trim.p[i] = (int16_t)EDGES[(seed >> 16) % 5];
        }
        trim.t1 = (uint16_t)(seed >> 8);
        trim.t2 = trim.p[3];
        trim.t3 = trim.p[5];
        trim.p1 = (uint16_t)(seed >> 12);
        const int32_t adc = (int32_t)(seed >> 12);
        (void)bmp280_compensate(&trim, adc, round % 2 == 0 ? 0 : 0xFFFFF);
    }
}

static void test_sht4x_datasheet(void)
{
    CHECK(sht4x_crc((const uint8_t[]){ 0xBE, 0xEF }) == 0x92, "0xBEEF");
}

static void test_values(void)
{
    static const int32_t EXPECTED[VALUES] = { 2508, 2500, 2500, 100653, 0,    0,
                                              9807, 175,  -175, 0,      4800 };
    sensor_model_t model;
    sensors_t sensors = { 0 };
    measurement_t measurement;

    sensor_model_start(&model);
    const i2c_bus_t bus = sensor_model_bus(&model);
    sensors_read(&sensors, &bus, &measurement);
    CHECK(measurement.present == ALL, "all present");
    for (int i = 0; i < VALUES; i++) {
        CHECK(measurement.values[i] == EXPECTED[i], "value");
    }
    /* Full scale, both ways. */
    model.mpu6050_raw[0] = INT16_MAX;
    model.mpu6050_raw[1] = INT16_MIN;
    model.mpu6050_raw[4] = INT16_MIN;
    model.sht4x_raw[1] = 0;
    sensors_read(&sensors, &bus, &measurement);
    CHECK(measurement.values[VALUE_AX] == 19613, "almost 2 g");
    CHECK(measurement.values[VALUE_AY] == -19613, "−2 g");
    CHECK(measurement.values[VALUE_GX] == -43657, "−250.14 °/s");
    CHECK(measurement.values[VALUE_HUMID_SHT4] == 0, "−6 % is cut to 0");
    model.sht4x_raw[1] = 65535;
    sensors_read(&sensors, &bus, &measurement);
    CHECK(measurement.values[VALUE_HUMID_SHT4] == 10000, "119 % is cut to 100");
}

static void check_fault(fault_t *of, fault_t fault, sensor_model_t *model, sensor_t sensor,
                        uint16_t lost, sensor_status_t status)
{
    const i2c_bus_t bus = sensor_model_bus(model);
    sensors_t sensors = { 0 };
    measurement_t measurement;

    for (int with_start = 0; with_start < 2; with_start++) {
        *of = fault;
        sensors_read(&sensors, &bus, &measurement);
        CHECK(measurement.present == (ALL & ~lost), "only its own values are missing");
        CHECK(sensors.status[sensor] == status, "and the reason is told");
        *of = FAULT_NONE;
        sensors_read(&sensors, &bus, &measurement);
        CHECK(measurement.present == ALL, "it is probed again");
    }
    CHECK(sensors.failures[sensor] == 2, "failures are counted");
}

static void test_faults(void)
{
    sensor_model_t model;
    const uint16_t of_mpu6050 = ALL & ~OF_BMP280 & ~OF_SHT4X;

    sensor_model_start(&model);
    check_fault(&model.bmp280, FAULT_ABSENT, &model, SENSOR_BMP280, OF_BMP280, SENSOR_ABSENT);
    check_fault(&model.bmp280, FAULT_WRONG_ID, &model, SENSOR_BMP280, OF_BMP280, SENSOR_WRONG_ID);
    check_fault(&model.bmp280, FAULT_ABSURD, &model, SENSOR_BMP280, OF_BMP280,
                SENSOR_OUT_OF_RANGE);
    check_fault(&model.mpu6050, FAULT_ABSENT, &model, SENSOR_MPU6050, of_mpu6050, SENSOR_ABSENT);
    check_fault(&model.mpu6050, FAULT_WRONG_ID, &model, SENSOR_MPU6050, of_mpu6050,
                SENSOR_WRONG_ID);
    check_fault(&model.mpu6050, FAULT_ABSURD, &model, SENSOR_MPU6050, of_mpu6050,
                SENSOR_OUT_OF_RANGE);
    check_fault(&model.sht4x, FAULT_ABSENT, &model, SENSOR_SHT4X, OF_SHT4X, SENSOR_ABSENT);
    check_fault(&model.sht4x, FAULT_BAD_CRC, &model, SENSOR_SHT4X, OF_SHT4X, SENSOR_BAD_CRC);
    check_fault(&model.sht4x, FAULT_ABSURD, &model, SENSOR_SHT4X, OF_SHT4X, SENSOR_OUT_OF_RANGE);
}

/** Each in turn holds the bus: that costs its timeout, is cleared, and no neighbour pays. */
static void test_stuck(void)
{
    sensor_model_t model;
    fault_t *const parts[] = { &model.bmp280, &model.mpu6050, &model.sht4x };
    const uint16_t of[] = { OF_BMP280, ALL & ~OF_BMP280 & ~OF_SHT4X, OF_SHT4X };

    for (int part = 0; part < 3; part++) {
        sensor_model_start(&model);
        check_fault(parts[part], FAULT_STUCK, &model, (sensor_t)part, of[part], SENSOR_ABSENT);
        CHECK(model.recoveries > 0 && !model.is_held, "the bus was clocked free");
        CHECK(model.waited_ms >= 2 * 50 && model.waited_ms < 1000, "at the price of a timeout each");
    }
}

static void test_power_cycle(void)
{
    sensor_model_t model;
    sensors_t sensors = { 0 };
    measurement_t measurement;

    sensor_model_start(&model);
    model.bmp280_address = BMP280_ADDRESS_ALTERNATIVE;
    const i2c_bus_t bus = sensor_model_bus(&model);
    sensors_read(&sensors, &bus, &measurement);
    CHECK(measurement.present == ALL, "found at its other address");
    sensor_model_power_cycle(&model);
    sensors_read(&sensors, &bus, &measurement);
    CHECK(measurement.present == OF_SHT4X, "parts that forgot their settings put out nothing");
    sensors_read(&sensors, &bus, &measurement);
    CHECK(measurement.present == ALL, "and are set up again");
    CHECK(model.waited_ms < 3 * 150, "within its time");
}

int main(void)
{
    test_bmp280_datasheet();
    test_bmp280_extremes();
    test_sht4x_datasheet();
    test_values();
    test_faults();
    test_stuck();
    test_power_cycle();
    puts("drivers: ok");
    return 0;
}
