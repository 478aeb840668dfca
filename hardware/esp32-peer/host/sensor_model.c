#include "sensor_model.h"

#include <string.h>

#include "drivers/bmp280.h"
#include "drivers/mpu6050.h"
#include "drivers/sht4x.h"

enum {
    MPU6050_ASLEEP = 0x40,
    BUS_TIMEOUT_MS = 50, /* As in port_i2c.c. */
};

/** The datasheet's example, §3.12: T1 … T3, P1 … P9. */
static const int32_t BMP280_TRIM[12] = { 27504, 26435, -1000, 36477, -10685, 3024,
                                         2855,  140,   -7,    15500, -14600, 6000 };

void sensor_model_power_cycle(sensor_model_t *model)
{
    model->bmp280_is_measuring = false;
    model->mpu6050_power = MPU6050_ASLEEP;
    model->sht4x_command = 0;
}

void sensor_model_start(sensor_model_t *model)
{
    *model = (sensor_model_t){
        .bmp280_address = BMP280_ADDRESS,
        .bmp280_adc_t = 519888,
        .bmp280_adc_p = 415148,
        .mpu6050_raw = { 0, 0, 16384, -3921, 131, -131, 0 },
        .sht4x_raw = { 26214, 28311 },
    };
    sensor_model_power_cycle(model);
}

static uint8_t bmp280_register(const sensor_model_t *model, uint8_t reg)
{
    const bool is_absurd = model->bmp280 == FAULT_ABSURD;
    const uint32_t skipped = 0x80000;
    const uint32_t t = model->bmp280_is_measuring ? (uint32_t)model->bmp280_adc_t : skipped;
    const uint32_t p = model->bmp280_is_measuring ? (uint32_t)model->bmp280_adc_p : skipped;
    const uint8_t data[6] = { (uint8_t)(p >> 12), (uint8_t)(p >> 4), (uint8_t)(p << 4),
                              (uint8_t)(t >> 12), (uint8_t)(t >> 4), (uint8_t)(t << 4) };

    if (reg == 0xD0) return model->bmp280 == FAULT_WRONG_ID ? 0x60 : 0x58;
    if (reg >= 0x88 && reg < 0x88 + 24) {
        const uint16_t trim = (uint16_t)BMP280_TRIM[(reg - 0x88) / 2];
        return (uint8_t)(reg % 2 == 0 ? trim : trim >> 8);
    }
    if (reg >= 0xF7 && reg < 0xF7 + 6) return is_absurd ? 0xFF : data[reg - 0xF7];
    return 0;
}

static uint8_t mpu6050_register(const sensor_model_t *model, uint8_t reg)
{
    if (reg == 0x75) return model->mpu6050 == FAULT_WRONG_ID ? 0x70 : 0x68;
    if (reg == 0x6B) return model->mpu6050_power;
    if (reg >= 0x3B && reg < 0x3B + 14) {
        const bool is_asleep = (model->mpu6050_power & MPU6050_ASLEEP) != 0;
        const uint16_t raw = (uint16_t)model->mpu6050_raw[(reg - 0x3B) / 2];
        if (model->mpu6050 == FAULT_ABSURD) return 0x7F;
        if (is_asleep) return 0;
        return (uint8_t)(reg % 2 == 1 ? raw >> 8 : raw);
    }
    return 0;
}

static bool sht4x_transfer(sensor_model_t *model, const uint8_t *write, size_t write_size,
                           uint8_t *read, size_t read_size)
{
    if (write_size > 0) model->sht4x_command = write[0];
    if (read_size == 0) return true;
    /* A read that no command went before is not acknowledged. */
    if (model->sht4x_command != 0xFD && model->sht4x_command != 0x89) return false;
    for (size_t i = 0; i < read_size; i++) {
        const uint16_t serial = 0xBEEF;
        uint16_t word = model->sht4x_command == 0x89 ? serial : model->sht4x_raw[i / 3 % 2];
        if (model->sht4x == FAULT_ABSURD) word = 0xFFFF;
        const uint8_t bytes[2] = { (uint8_t)(word >> 8), (uint8_t)word };
        const uint8_t flip = model->sht4x == FAULT_BAD_CRC ? 0x10 : 0;
        read[i] = i % 3 == 2 ? (uint8_t)(sht4x_crc(bytes) ^ flip) : bytes[i % 3];
    }
    model->sht4x_command = 0;
    return true;
}

static bool transfer(void *context, uint8_t address, const uint8_t *write, size_t write_size,
                     uint8_t *read, size_t read_size)
{
    sensor_model_t *model = context;
    const bool is_bmp280 = address == model->bmp280_address, is_mpu6050 = address == MPU6050_ADDRESS;
    const fault_t fault = is_bmp280    ? model->bmp280
                          : is_mpu6050 ? model->mpu6050
                                       : model->sht4x;

    /* ESP-IDF's driver clocks a busy bus free before it begins. */
    if (model->is_held) model->recoveries++;
    model->is_held = fault == FAULT_STUCK;
    if (model->is_held) model->waited_ms += BUS_TIMEOUT_MS;
    if (fault == FAULT_ABSENT || fault == FAULT_STUCK) return false;
    if (address == SHT4X_ADDRESS) {
        return sht4x_transfer(model, write, write_size, read, read_size);
    }
    if ((!is_bmp280 && !is_mpu6050) || write_size == 0) return false;
    if (is_bmp280 && write_size == 2 && write[0] == 0xF4) {
        model->bmp280_is_measuring = (write[1] & 3) == 3;
    }
    if (is_mpu6050 && write_size == 2 && write[0] == 0x6B) model->mpu6050_power = write[1];
    for (size_t i = 0; i < read_size; i++) {
        const uint8_t reg = (uint8_t)(write[0] + i);
        read[i] = is_bmp280 ? bmp280_register(model, reg) : mpu6050_register(model, reg);
    }
    return true;
}

static void wait_ms(void *context, uint32_t ms)
{
    sensor_model_t *model = context;
    model->waited_ms += ms;
}

i2c_bus_t sensor_model_bus(sensor_model_t *model)
{
    return (i2c_bus_t){ .context = model, .transfer = transfer, .wait_ms = wait_ms };
}
