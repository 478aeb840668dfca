/* The serial line to the bridge: a UART, or the chip's own USB port. */
#include <esp_log.h>
#include <freertos/FreeRTOS.h>
#include <freertos/semphr.h>
#include <freertos/task.h>
#include <sdkconfig.h>
#include <stdio.h>

#include "peer/serial_line.h"
#include "port/port.h"

/* The hardware's own buffer holds 128 bytes of a UART: eleven milliseconds. */
enum { LINK_BUFFER_SIZE = 2048 };

static bool is_started;

#if CONFIG_SOTTO_LINK_ON_USB

#include <driver/usb_serial_jtag.h>

/* While nobody reads at the other end nothing is kept: the line repeats what it loses. */
enum { USB_WAIT_MS = 50 };

static bool start(void)
{
    usb_serial_jtag_driver_config_t config = { .tx_buffer_size = LINK_BUFFER_SIZE,
                                               .rx_buffer_size = LINK_BUFFER_SIZE };

    return usb_serial_jtag_driver_install(&config) == ESP_OK;
}

static int read_some(uint8_t *bytes, size_t room, uint32_t wait_ms)
{
    return usb_serial_jtag_read_bytes(bytes, (uint32_t)room, pdMS_TO_TICKS(wait_ms));
}

void port_link_write(const uint8_t *bytes, size_t size)
{
    if (is_started) (void)usb_serial_jtag_write_bytes(bytes, size, pdMS_TO_TICKS(USB_WAIT_MS));
}

#else

#include <driver/uart.h>

#if CONFIG_ESP_CONSOLE_UART && CONFIG_SOTTO_LINK_UART == CONFIG_ESP_CONSOLE_UART_NUM
#error "codes and plaintext would go onto the line: give it another UART, or CONFIG_ESP_CONSOLE_NONE=y"
#endif

static const uart_port_t LINK = (uart_port_t)CONFIG_SOTTO_LINK_UART;

static bool start(void)
{
    const uart_config_t config = {
        .baud_rate = CONFIG_SOTTO_LINK_BAUD,
        .data_bits = UART_DATA_8_BITS,
        .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1,
        .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
        .source_clk = UART_SCLK_DEFAULT,
    };
    /* UART0 keeps the pins that its USB bridge is soldered to. */
    const int tx = CONFIG_SOTTO_LINK_UART == 0 ? UART_PIN_NO_CHANGE : CONFIG_SOTTO_LINK_TX;
    const int rx = CONFIG_SOTTO_LINK_UART == 0 ? UART_PIN_NO_CHANGE : CONFIG_SOTTO_LINK_RX;

    return uart_driver_install(LINK, LINK_BUFFER_SIZE, LINK_BUFFER_SIZE, 0, NULL, 0) == ESP_OK
           && uart_param_config(LINK, &config) == ESP_OK
           && uart_set_pin(LINK, tx, rx, UART_PIN_NO_CHANGE, UART_PIN_NO_CHANGE) == ESP_OK;
}

static int read_some(uint8_t *bytes, size_t room, uint32_t wait_ms)
{
    return uart_read_bytes(LINK, bytes, (uint32_t)room, pdMS_TO_TICKS(wait_ms));
}

void port_link_write(const uint8_t *bytes, size_t size)
{
    if (is_started) (void)uart_write_bytes(LINK, bytes, size);
}

#endif

size_t port_link_read(uint8_t *bytes, size_t room, uint32_t wait_ms)
{
    /* Without a driver nothing would wait, and nothing else of lower priority would ever run. */
    if (!is_started) vTaskDelay(pdMS_TO_TICKS(wait_ms));
    if (!is_started) return 0;
    /* Waits for the first byte only, then takes what has come with it. */
    const int first = read_some(bytes, 1, wait_ms);
    if (first <= 0) return 0;
    const int more = read_some(bytes + 1, room - 1, 0);
    return 1 + (size_t)(more > 0 ? more : 0);
}

#if CONFIG_ESP_CONSOLE_NONE

enum { LOG_WAIT_MS = 100, LOG_LINE_SIZE_MAX = 200 };

static SemaphoreHandle_t log_turn;

/** One line of the log as a frame of its own, on the line that is all there is. */
static int log_line(const char *format, va_list arguments)
{
    static char text[LOG_LINE_SIZE_MAX];
    static uint8_t frame[FRAME_SIZE_MAX];

    if (xSemaphoreTake(log_turn, pdMS_TO_TICKS(LOG_WAIT_MS)) != pdTRUE) return 0;
    int size = vsnprintf(text, sizeof text, format, arguments);
    if (size >= (int)sizeof text) size = (int)sizeof text - 1;
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) size--;
    if (size > 0) port_link_write(frame, serial_line_log((const uint8_t *)text, (size_t)size, frame));
    (void)xSemaphoreGive(log_turn);
    return size;
}

/** The device's log travels on channel "log" where it has no console of its own, SERIAL §2. */
static void share_line(void)
{
    log_turn = xSemaphoreCreateMutex();
    if (log_turn != NULL) (void)esp_log_set_vprintf(log_line);
}

#else

static void share_line(void)
{
}

#endif

bool port_link_start(void)
{
    is_started = start();
    if (is_started) share_line();
    return is_started;
}
