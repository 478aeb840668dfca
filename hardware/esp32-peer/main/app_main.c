/*
 * The composition root on the chip: a peer task, and the three tasks that the older program had.
 *
 *     peer                 the line, the network, the console, the button
 *     update_sensor_data   every 10 s
 *     print_local_time     every 1 s
 *     update_with_NTP      each answer of the time server, which is asked every 60 s
 *
 * Only the peer task touches the peer; the others hand it what they have through queues. None
 * returns, each feeds the task watchdog.
 */
#include <bootloader_random.h>
#include <esp_log.h>
#include <esp_system.h>
#include <esp_task_wdt.h>
#include <freertos/FreeRTOS.h>
#include <freertos/queue.h>
#include <freertos/task.h>
#include <sdkconfig.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drivers/sensors.h"
#include "life.h"
#include "peer/device_post.h"
#include "peer/self_test.h"
#include "peer/wifi_settings.h"
#include "port/port.h"
#if CONFIG_SOTTO_MODELLED_SENSORS
#include "sensor_model.h"
#endif

enum {
    PEER_STACK_SIZE = 6 * 1024, /* By the call graph 4.7 KB at most, with a picture 5.1. */
    TASK_STACK_SIZE = 3 * 1024,
    PEER_PRIORITY = 5,
    TASK_PRIORITY = 4,
    QUEUE_LENGTH = 64, /* The peer task is away for minutes when it fetches an update. */
    LINE_WAIT_MS = 10,
    SENSORS_EVERY_S = 10,
    HOLD_TO_FORGET_MS = 10 * 1000,
    HOLD_MAX_MS = 60 * 1000, /* Longer is nobody: a terminal whose DTR pulls BOOT down. */
    PRESS_MIN_MS = 50,
};

/* What waits in a queue is as old as it was when it came in. */
typedef struct {
    uint64_t at_ms;
    measurement_t measurement;
} taken_t;

typedef struct {
    uint64_t at_ms, unix_ms;
} told_t;

static const char TAG[] = "sotto";
static const uint64_t YEAR_2025_S = UINT64_C(1735689600);
static device_t device;
static peer_port_t peer_port;
static QueueHandle_t measurements, times;
static atomic_bool measure_now;
static atomic_uint_fast32_t readings_lost; /* They found the queue full. */
static atomic_uint_fast32_t local_time_s; /* Since 2025; 0: not known. */
static atomic_uint_fast32_t stack_free_min = UINT32_MAX;
static bool has_network, is_safe_mode;
#if CONFIG_SOTTO_PICTURES
static picture_post_t post;
#endif

static void print(void *context, const char *text)
{
    (void)context;
    puts(text);
}

/** Notes how near this task came to the end of its stack. */
static void note_stack(void)
{
    const uint32_t free_bytes = (uint32_t)uxTaskGetStackHighWaterMark(NULL);
    if (free_bytes < stack_free_min) stack_free_min = free_bytes;
}

/** Sleeps, and feeds the watchdog meanwhile. Ends early if somebody wants a reading. */
static void sleep_seconds(unsigned seconds)
{
    for (unsigned i = 0; i < 10 * seconds && !measure_now; i++) {
        (void)esp_task_wdt_reset();
        vTaskDelay(pdMS_TO_TICKS(100));
    }
    note_stack();
}

static bool start_bus(i2c_bus_t *bus)
{
#if CONFIG_SOTTO_MODELLED_SENSORS
    static sensor_model_t model;

    sensor_model_start(&model);
    *bus = sensor_model_bus(&model);
    return true;
#else
    return port_i2c_start(CONFIG_SOTTO_I2C_SDA, CONFIG_SOTTO_I2C_SCL, bus);
#endif
}

static void update_sensor_data(void *context)
{
    static sensors_t sensors;
    i2c_bus_t bus;
    const bool has_bus = start_bus(&bus);

    (void)context;
    (void)esp_task_wdt_add(NULL);
    if (!has_bus) ESP_LOGE(TAG, "the sensors' bus cannot be used");
    for (;;) {
        taken_t taken = { 0 };

        measure_now = false;
        if (has_bus) sensors_read(&sensors, &bus, &taken.measurement);
        taken.at_ms = port_uptime_ms();
        if (xQueueSend(measurements, &taken, 0) != pdTRUE) readings_lost++;
        sleep_seconds(SENSORS_EVERY_S);
    }
}

static void print_local_time(void *context)
{
    (void)context;
    (void)esp_task_wdt_add(NULL);
    for (;;) {
        char text[32];
        const uint32_t since_2025_s = (uint32_t)local_time_s;
        const time_t now = (time_t)(YEAR_2025_S + since_2025_s);
        struct tm parts;

        if (since_2025_s != 0 && localtime_r(&now, &parts) != NULL
            && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts) > 0) {
            ESP_LOGI(TAG, "%s", text);
        }
        (void)esp_task_wdt_reset();
        note_stack();
        vTaskDelay(pdMS_TO_TICKS(1000));
    }
}

static void update_with_NTP(void *context)
{
    (void)context;
    (void)esp_task_wdt_add(NULL);
    for (;;) {
        const uint64_t unix_ms = port_network_take_unix_ms();
        const told_t told = { .at_ms = port_uptime_ms(), .unix_ms = unix_ms };

        /* A minute later there is another, as CONFIG_LWIP_SNTP_UPDATE_DELAY says. */
        if (unix_ms != 0) (void)xQueueSend(times, &told, 0);
        (void)esp_task_wdt_reset();
        note_stack();
        vTaskDelay(pdMS_TO_TICKS(1000));
    }
}

/** Without a serial line that answers, bundles and pictures go over the network. */
static void use_network(uint64_t now_ms)
{
    static uint8_t back[4096];
    size_t back_size = 0;
    device_post_t next;

    if (!has_network || !port_network_is_up() || !device_post_next(&device, now_ms, &next)) return;
    const bool is_done = port_network_exchange(&next, back, sizeof back, &back_size);
    device_post_done(&device, &next, is_done ? back : NULL, back_size, port_uptime_ms());
}

static void use_line(void)
{
    static uint8_t bytes[256], frame[FRAME_SIZE_MAX];
    size_t size = port_link_read(bytes, sizeof bytes, LINE_WAIT_MS);

    if (size > 0) device_receive(&device, bytes, size, port_uptime_ms());
    while ((size = device_poll(&device, port_uptime_ms(), frame)) > 0) port_link_write(frame, size);
}

static void use_console(uint64_t now_ms)
{
    static char line[DEVICE_LINE_SIZE_MAX];

    if (!port_console_line(line, sizeof line)) return;
    if (!port_update_command(line)) device_command(&device, line, now_ms);
    memset(line, 0, sizeof line); /* There may have been a code or a password in it. */
    if (device.restart_now) esp_restart();
}

/** A press makes a pairing code, or renews; held for ten seconds it forgets everything. */
static void use_button(uint64_t now_ms)
{
    static uint64_t pressed_at_ms;
    static bool was_pressed;
    char pair[] = "pair", renew[] = "send_keys", forget[] = "forget everything";
    const bool is_pressed = port_button_is_pressed();

    if (is_pressed && !was_pressed) pressed_at_ms = now_ms;
    if (!is_pressed && was_pressed) {
        const uint64_t held_ms = now_ms - pressed_at_ms;
        const bool is_paired = peer_paired(&device.peer) > 0;

        if (held_ms > HOLD_MAX_MS) ESP_LOGW(TAG, "the button was stuck");
        else if (held_ms >= HOLD_TO_FORGET_MS) device_command(&device, forget, now_ms);
        else if (held_ms >= PRESS_MIN_MS) device_command(&device, is_paired ? renew : pair, now_ms);
    }
    was_pressed = is_pressed;
}

/** On: all is well. Slow: not paired. Fast: nobody at the other end. Two flashes: safe mode. */
static void show_state(uint64_t now_ms)
{
    const bool is_paired = peer_paired(&device.peer) > 0;
    const bool is_linked = device.line.is_up || port_network_is_up();
    const unsigned tick = (unsigned)(now_ms / 125 % 16);

    if (is_safe_mode) port_led_set(tick == 0 || tick == 2);
    else if (!is_linked) port_led_set(tick % 2 == 0);
    else if (!is_paired) port_led_set(tick < 8);
    else port_led_set(true);
}

static void take_queues(uint64_t now_ms)
{
    taken_t taken;
    told_t told;

    /* First the clock, so that readings are dated by it. */
    while (xQueueReceive(times, &told, 0) == pdTRUE) {
        (void)peer_synchronise(&device.peer, told.unix_ms, told.at_ms);
    }
    while (xQueueReceive(measurements, &taken, 0) == pdTRUE) {
        if (device.picture_now) device_send_picture(&device, &taken.measurement, now_ms);
        device.picture_now = false;
        if (peer_add_reading(&device.peer, &taken.measurement, taken.at_ms) != PEER_OK) {
            ESP_LOGE(TAG, "a reading could not be stored");
        }
    }
    peer_lose_readings(&device.peer, (uint32_t)atomic_exchange(&readings_lost, 0));
    if (device.measure_now || device.picture_now) measure_now = true;
    device.measure_now = false;
}

/** For the task that prints it: the time that SNTP or the contact told. */
static void note_time(uint64_t now_ms)
{
    const uint64_t now_s = device_clock_unix_ms(&device.peer.clock, now_ms) / 1000;

    local_time_s = now_s > YEAR_2025_S ? (uint32_t)(now_s - YEAR_2025_S) : 0;
}

static void run_peer(void *context)
{
    (void)context;
    (void)esp_task_wdt_add(NULL);
    for (;;) {
        use_line();
        const uint64_t now_ms = port_uptime_ms();
        use_console(now_ms);
        use_button(now_ms);
        if (!is_safe_mode) take_queues(now_ms);
        use_network(now_ms);
        device_tell_news(&device);
        note_time(now_ms);
        show_state(now_ms);
        life_go_on(now_ms);
        note_stack();
        device.peer.health.heap_free = esp_get_minimum_free_heap_size();
        device.peer.health.stack_free = (uint32_t)stack_free_min;
        (void)esp_task_wdt_reset();
    }
}

/** Key and first random numbers: with the radio off only the bootloader's source is good. */
static bool start_peer(void)
{
    peer_port.random = port_random;
    bootloader_random_enable();
    const bool is_started =
        port_store_start(&peer_port.store) && crypto_start() == PEER_OK
        && peer_start(&device.peer, &peer_port, CONFIG_SOTTO_NAME, CONFIG_SOTTO_ADDRESS) == PEER_OK;
    bootloader_random_disable();
    return is_started;
}

/** A code that was written at flashing is held at the first start only. */
static void hold_flashed_code(void)
{
    const char *code = CONFIG_SOTTO_PAIRING_CODE;

    if (code[0] == '\0' || life_count("flashed", false) > 0) return;
    if (peer_hold_code(&device.peer, code) != PEER_OK) ESP_LOGE(TAG, "that is no pairing code");
    (void)life_count("flashed", true);
}

static void start_task(TaskFunction_t task, const char *name, uint32_t stack_size, UBaseType_t priority)
{
    /* Not in an assertion: a build without those would leave the call out. */
    if (xTaskCreate(task, name, stack_size, NULL, priority, NULL) == pdPASS) return;
    ESP_LOGE(TAG, "no memory for the task %s", name);
    abort();
}

static void start_tasks(void)
{
    measurements = xQueueCreate(QUEUE_LENGTH, sizeof(taken_t));
    times = xQueueCreate(QUEUE_LENGTH, sizeof(told_t));
    if (measurements == NULL || times == NULL) abort();
    start_task(run_peer, "peer", PEER_STACK_SIZE, PEER_PRIORITY);
    if (is_safe_mode) return;
    start_task(update_sensor_data, "sensors", TASK_STACK_SIZE, TASK_PRIORITY);
    start_task(print_local_time, "time", TASK_STACK_SIZE, TASK_PRIORITY);
    start_task(update_with_NTP, "ntp", TASK_STACK_SIZE, TASK_PRIORITY);
}

/** The store may hold the key, and is left alone. An image on trial gives way to the one before. */
static void give_up(const char *why)
{
    ESP_LOGE(TAG, "cannot start: %s", why);
    port_update_take_back();
}

/** What was typed at the console, else what was written at flashing. */
static bool start_network(void)
{
    wifi_settings_t wifi = { 0 };

    if (!wifi_settings_load(&peer_port.store, &wifi)) {
        memset(&wifi, 0, sizeof wifi);
#if CONFIG_SOTTO_NETWORK_WIFI
        snprintf(wifi.name, sizeof wifi.name, "%s", CONFIG_SOTTO_WIFI_SSID);
        snprintf(wifi.password, sizeof wifi.password, "%s", CONFIG_SOTTO_WIFI_PASSWORD);
#endif
    }
    const bool is_started = port_network_start(&wifi);
    crypto_wipe(&wifi, sizeof wifi);
    return is_started;
}

static void start_device(void)
{
    uint64_t boot_id = 0;

    while (boot_id == 0) port_random(NULL, (uint8_t *)&boot_id, sizeof boot_id);
    /* Without a console texts wait, and codes are shown to nobody. */
    const device_console_t console = { .print = port_console_start() ? print : NULL };
    device_start(&device, console, boot_id, CONFIG_SOTTO_LINK_BAUD, port_uptime_ms());
#if CONFIG_SOTTO_PICTURES
    device.post = &post;
#endif
#if CONFIG_SOTTO_NETWORK_WIFI
    device.has_wifi = true;
#endif
}

void app_main(void)
{
    if (!start_peer()) {
        give_up("no store or no entropy. `idf.py erase-flash` begins anew");
        return;
    }
    if (!self_test(&peer_port.store)) {
        give_up("the self-test failed");
        return;
    }
    is_safe_mode = life_start(&peer_port.store, &device.peer.health);
    hold_flashed_code();
    start_device();
    if (!port_link_start()) ESP_LOGE(TAG, "the serial line cannot be used");
    port_button_start(CONFIG_SOTTO_BUTTON);
    port_led_start(CONFIG_SOTTO_LED);
    has_network = !is_safe_mode && start_network();
    start_tasks();
}
