/* The device's own console: a UART, or the chip's USB port; what is typed is echoed. */
#include <sdkconfig.h>

#include "port/port.h"

#if CONFIG_ESP_CONSOLE_UART || CONFIG_ESP_CONSOLE_USB_SERIAL_JTAG

enum { CONSOLE_BUFFER_SIZE = 512, BACKSPACE = 0x08, DELETE = 0x7F };

static bool is_started;

#if CONFIG_ESP_CONSOLE_UART

#include <driver/uart.h>

static const uart_port_t CONSOLE = (uart_port_t)CONFIG_ESP_CONSOLE_UART_NUM;

bool port_console_start(void)
{
    is_started = uart_driver_install(CONSOLE, CONSOLE_BUFFER_SIZE, 0, 0, NULL, 0) == ESP_OK;
    return is_started;
}

static bool read_byte(char *byte)
{
    return uart_read_bytes(CONSOLE, byte, 1, 0) == 1;
}

static void echo(const char *text, size_t size)
{
    (void)uart_write_bytes(CONSOLE, text, size);
}

#else

#include <driver/usb_serial_jtag.h>
#include <driver/usb_serial_jtag_vfs.h>

bool port_console_start(void)
{
    usb_serial_jtag_driver_config_t config = { .tx_buffer_size = CONSOLE_BUFFER_SIZE,
                                               .rx_buffer_size = CONSOLE_BUFFER_SIZE };

    is_started = usb_serial_jtag_driver_install(&config) == ESP_OK;
    if (is_started) usb_serial_jtag_vfs_use_driver();
    return is_started;
}

static bool read_byte(char *byte)
{
    return usb_serial_jtag_read_bytes(byte, 1, 0) == 1;
}

static void echo(const char *text, size_t size)
{
    (void)usb_serial_jtag_write_bytes(text, size, 0);
}

#endif

bool port_console_line(char *line, size_t room)
{
    static size_t size;
    char byte;

    while (is_started && read_byte(&byte)) {
        if (byte == BACKSPACE || byte == DELETE) {
            if (size > 0) echo("\b \b", 3);
            if (size > 0) size--;
        } else if (byte != '\r' && byte != '\n') {
            if (size >= room - 1) continue;
            line[size++] = byte;
            echo(&byte, 1);
        } else if (size > 0) { /* The second half of CR LF is an empty line. */
            echo("\r\n", 2);
            line[size] = '\0';
            size = 0;
            return true;
        }
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
