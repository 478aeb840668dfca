/* Time, randomness, the serial line, the console, button and LED. */
#include <driver/gpio.h>
#include <driver/uart.h>
#include <esp_log.h>
#include <esp_system.h>
#include <esp_timer.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>
#include <psa/crypto.h>
#include <sdkconfig.h>

#include "port/port.h"

enum {
    LINK_BUFFER_SIZE = 2048, /* The hardware's own holds 128 bytes: eleven milliseconds. */
    CONSOLE_BUFFER_SIZE = 512,
};

static const char TAG[] = "port";
static uart_port_t link_uart;
static int button_gpio = -1, led_gpio = -1;

uint64_t port_uptime_ms(void)
{
    return (uint64_t)(esp_timer_get_time() / 1000);
}

void port_random(void *context, uint8_t *out, size_t size)
{
    (void)context;
    if (psa_generate_random(out, size) == PSA_SUCCESS) return;
    ESP_LOGE(TAG, "no entropy: restarting");
    esp_restart();
}

bool port_link_start(int uart, int baud, int tx, int rx)
{
    const uart_config_t config = {
        .baud_rate = baud,
        .data_bits = UART_DATA_8_BITS,
        .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1,
        .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
        .source_clk = UART_SCLK_DEFAULT,
    };

    link_uart = (uart_port_t)uart;
    return uart_driver_install(link_uart, LINK_BUFFER_SIZE, LINK_BUFFER_SIZE, 0, NULL, 0) == ESP_OK
           && uart_param_config(link_uart, &config) == ESP_OK
           && uart_set_pin(link_uart, tx, rx, UART_PIN_NO_CHANGE, UART_PIN_NO_CHANGE) == ESP_OK;
}

size_t port_link_read(uint8_t *bytes, size_t room, uint32_t wait_ms)
{
    /* Waits for the first byte only, then takes what has come with it. */
    const int first = uart_read_bytes(link_uart, bytes, 1, pdMS_TO_TICKS(wait_ms));
    if (first <= 0) return 0;
    const int more = uart_read_bytes(link_uart, bytes + 1, (uint32_t)(room - 1), 0);
    return 1 + (size_t)(more > 0 ? more : 0);
}

void port_link_write(const uint8_t *bytes, size_t size)
{
    (void)uart_write_bytes(link_uart, bytes, size);
}

#if CONFIG_ESP_CONSOLE_UART
bool port_console_start(void)
{
    const uart_port_t uart = (uart_port_t)CONFIG_ESP_CONSOLE_UART_NUM;

    if (uart == (uart_port_t)CONFIG_SOTTO_LINK_UART) return false;
    return uart_driver_install(uart, CONSOLE_BUFFER_SIZE, 0, 0, NULL, 0) == ESP_OK;
}

bool port_console_line(char *line, size_t room)
{
    static size_t size;
    uint8_t byte;

    while (uart_read_bytes((uart_port_t)CONFIG_ESP_CONSOLE_UART_NUM, &byte, 1, 0) == 1) {
        if (byte != '\r' && byte != '\n') {
            if (size < room - 1) line[size++] = (char)byte;
            continue;
        }
        if (size == 0) continue; /* The second half of CR LF. */
        line[size] = '\0';
        size = 0;
        return true;
    }
    return false;
}
#else
bool port_console_start(void)
{
    return false;
}

bool port_console_line(char *line, size_t room)
{
    (void)line;
    (void)room;
    return false;
}
#endif

void port_button_start(int gpio)
{
    if (gpio < 0) return;
    const gpio_config_t config = { .pin_bit_mask = UINT64_C(1) << gpio,
                                   .mode = GPIO_MODE_INPUT,
                                   .pull_up_en = GPIO_PULLUP_ENABLE };
    if (gpio_config(&config) == ESP_OK) button_gpio = gpio;
}

bool port_button_is_pressed(void)
{
    return button_gpio >= 0 && gpio_get_level((gpio_num_t)button_gpio) == 0;
}

void port_led_start(int gpio)
{
    if (gpio < 0) return;
    const gpio_config_t config = { .pin_bit_mask = UINT64_C(1) << gpio, .mode = GPIO_MODE_OUTPUT };
    if (gpio_config(&config) == ESP_OK) led_gpio = gpio;
}

void port_led_set(bool is_on)
{
    if (led_gpio >= 0) (void)gpio_set_level((gpio_num_t)led_gpio, is_on ? 1 : 0);
}
