/* Time, randomness, button and LED. */
#include <driver/gpio.h>
#include <esp_log.h>
#include <esp_system.h>
#include <esp_timer.h>
#include <psa/crypto.h>

#include "port/port.h"

static const char TAG[] = "port";
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
