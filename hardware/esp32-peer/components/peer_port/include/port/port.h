#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/i2c_bus.h"
#include "peer/device_post.h"
#include "peer/store.h"
#include "peer/wifi_settings.h"

/** The chip. Everything of ESP-IDF that the device touches, but for tasks, stands behind this. */

/** Milliseconds since the start. */
uint64_t port_uptime_ms(void);

/** Fills `out` with secret bytes, or restarts the chip: without entropy there is no device. */
void port_random(void *context, uint8_t *out, size_t size);

/** NVS. False if it cannot be opened; only what cannot be a key of this device's is erased. */
bool port_store_start(store_t *store);

bool port_link_start(void);

/** Waits up to `wait_ms` for bytes. */
size_t port_link_read(uint8_t *bytes, size_t room, uint32_t wait_ms);
void port_link_write(const uint8_t *bytes, size_t size);

/** A line typed at the console, without its end; false while there is none. It is echoed. */
bool port_console_start(void);
bool port_console_line(char *line, size_t room);

bool port_i2c_start(int sda, int scl, i2c_bus_t *bus);

/** -1: none. */
void port_button_start(int gpio);
bool port_button_is_pressed(void);
void port_led_start(int gpio);
void port_led_set(bool is_on);

/**
 * Starts Wi-Fi or Ethernet, as configured, and the time server; true if there is a network.
 *
 * @param wifi  The access point; its name is empty where none was told.
 */
bool port_network_start(const wifi_settings_t *wifi);
bool port_network_is_up(void);

/** Unix time if the time server has told it since the last call, else 0. */
uint64_t port_network_take_unix_ms(void);

/**
 * One POST to /packets of its contact, of HTTP_POST_MS at most. False unless a bundle of at most
 * `room` came back.
 */
bool port_network_exchange(const device_post_t *what, uint8_t *back, size_t room, size_t *back_size);

/**
 * `update URL SHA256`, typed at the device's own console: fetches an image into the slot that does
 * not run, and boots it if it has that hash, which is all that is trusted. Takes minutes. Refused
 * in words while the network is down.
 *
 * @return False if the line is none of these.
 */
bool port_update_command(const char *line);

/** An image on trial gives way to the one before; returns where there is none. */
void port_update_take_back(void);
