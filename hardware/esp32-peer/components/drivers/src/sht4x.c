#include "drivers/sht4x.h"

enum {
    MEASURE_HIGH_PRECISION = 0xFD,
    READ_SERIAL = 0x89,
    SOFT_RESET = 0x94,
    MEASURE_MS = 10,
    COMMAND_MS = 1,
    RAW_MAX = 65535,
};

uint8_t sht4x_crc(const uint8_t word[2])
{
    unsigned crc = 0xFF;

    for (int i = 0; i < 2; i++) {
        crc ^= word[i];
        for (int bit = 0; bit < 8; bit++) crc = (crc & 0x80) != 0 ? crc << 1 ^ 0x31 : crc << 1;
        crc &= 0xFF;
    }
    return (uint8_t)crc;
}

/** Sends a command and, `ms` later, reads two words with their checksums. */
static sensor_status_t ask(const i2c_bus_t *bus, uint8_t command, uint32_t ms, int32_t words[2])
{
    uint8_t raw[6];

    if (!bus->transfer(bus->context, SHT4X_ADDRESS, &command, 1, NULL, 0)) return SENSOR_ABSENT;
    bus->wait_ms(bus->context, ms);
    if (!bus->transfer(bus->context, SHT4X_ADDRESS, NULL, 0, raw, sizeof raw)) return SENSOR_ABSENT;
    for (int i = 0; i < 2; i++) {
        if (sht4x_crc(raw + 3 * i) != raw[3 * i + 2]) return SENSOR_BAD_CRC;
        words[i] = (int32_t)((unsigned)raw[3 * i] << 8 | raw[3 * i + 1]);
    }
    return SENSOR_OK;
}

sensor_status_t sht4x_start(const i2c_bus_t *bus)
{
    const uint8_t reset = SOFT_RESET;
    int32_t serial[2];

    if (!bus->transfer(bus->context, SHT4X_ADDRESS, &reset, 1, NULL, 0)) return SENSOR_ABSENT;
    bus->wait_ms(bus->context, COMMAND_MS);
    return ask(bus, READ_SERIAL, COMMAND_MS, serial);
}

sensor_status_t sht4x_read(const i2c_bus_t *bus, sht4x_reading_t *reading)
{
    int32_t words[2];
    const sensor_status_t status = ask(bus, MEASURE_HIGH_PRECISION, MEASURE_MS, words);

    if (status != SENSOR_OK) return status;
    /* −45 + 175 · raw / 65535 and −6 + 125 · raw / 65535, to the nearest hundredth. */
    const int32_t temperature = (17500 * words[0] + RAW_MAX / 2) / RAW_MAX - 4500;
    int32_t humidity = (12500 * words[1] + RAW_MAX / 2) / RAW_MAX - 600;
    /* The part measures −40 … 125 °C; a bus stuck at either level reads as −45 or 130. */
    if (temperature < -4000 || temperature > 12500) return SENSOR_OUT_OF_RANGE;
    if (humidity < 0) humidity = 0;
    if (humidity > 10000) humidity = 10000;
    *reading = (sht4x_reading_t){ temperature, humidity };
    return SENSOR_OK;
}
