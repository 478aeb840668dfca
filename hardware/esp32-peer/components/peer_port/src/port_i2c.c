/* The sensors' bus, on the driver/i2c_master.h of ESP-IDF 5.2 and later. */
#include <driver/i2c_master.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>

#include "port/port.h"

enum {
    SPEED_HZ = 100000,
    TIMEOUT_MS = 50,
    DEVICES_MAX = 4,
};

static i2c_master_bus_handle_t bus_handle;

static struct {
    uint8_t address;
    i2c_master_dev_handle_t handle;
} devices[DEVICES_MAX];

/** The driver's handle for an address, made when it is first spoken to. */
static i2c_master_dev_handle_t device_at(uint8_t address)
{
    const i2c_device_config_t config = { .dev_addr_length = I2C_ADDR_BIT_LEN_7,
                                         .device_address = address,
                                         .scl_speed_hz = SPEED_HZ };

    for (int i = 0; i < DEVICES_MAX; i++) {
        if (devices[i].handle != NULL && devices[i].address == address) return devices[i].handle;
        if (devices[i].handle != NULL) continue;
        if (i2c_master_bus_add_device(bus_handle, &config, &devices[i].handle) != ESP_OK) return NULL;
        devices[i].address = address;
        return devices[i].handle;
    }
    return NULL;
}

static bool transfer(void *context, uint8_t address, const uint8_t *write, size_t write_size,
                     uint8_t *read, size_t read_size)
{
    i2c_master_dev_handle_t device = device_at(address);
    esp_err_t error;

    (void)context;
    if (device == NULL) return false;
    if (read_size == 0) {
        error = i2c_master_transmit(device, write, write_size, TIMEOUT_MS);
    } else if (write_size == 0) {
        error = i2c_master_receive(device, read, read_size, TIMEOUT_MS);
    } else {
        error = i2c_master_transmit_receive(device, write, write_size, read, read_size, TIMEOUT_MS);
    }
    /* A part that holds the bus is clocked free: here, or by ESP-IDF 5.5 before the next transfer. */
    if (error == ESP_ERR_TIMEOUT) (void)i2c_master_bus_reset(bus_handle);
    return error == ESP_OK;
}

static void wait_ms(void *context, uint32_t ms)
{
    (void)context;
    vTaskDelay(pdMS_TO_TICKS(ms) + 1);
}

bool port_i2c_start(int sda, int scl, i2c_bus_t *bus)
{
    const i2c_master_bus_config_t config = { .i2c_port = -1,
                                             .sda_io_num = (gpio_num_t)sda,
                                             .scl_io_num = (gpio_num_t)scl,
                                             .clk_source = I2C_CLK_SRC_DEFAULT,
                                             .glitch_ignore_cnt = 7,
                                             .flags = { .enable_internal_pullup = 1 } };

    *bus = (i2c_bus_t){ .context = NULL, .transfer = transfer, .wait_ms = wait_ms };
    return i2c_new_master_bus(&config, &bus_handle) == ESP_OK;
}
