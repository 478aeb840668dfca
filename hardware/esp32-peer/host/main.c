/*
 * sotto-device: the firmware on this computer. The core is the chip's to the byte; in place of
 * the UART there is a tty or a pty, in place of NVS a folder, in place of sensors their models.
 *
 *     sotto-device --pty --data FOLDER [--name NAME] [--every MS] [--clock] [--code CODE] [--network] [--tell]
 *
 * stdin and stdout are the device's own console, which no bridge reads.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drivers/sensors.h"
#include "file_slot.h"
#include "file_store.h"
#include "http/http_post.h"
#include "http/update.h"
#include "peer/device.h"
#include "sensor_model.h"
#include "tty.h"

enum {
    BAUD = 115200,
    SENSORS_EVERY_MS = 10 * 1000,
    CLOCK_EVERY_MS = 60 * 1000,
    POLL_MS = 5,
};

typedef struct {
    const char *tty, *data, *name, *code;
    bool is_pty, has_clock, tells, has_network; /* tells: the time of each reading, on the console. */
    unsigned every_ms;
} options_t;

static device_t device;
static sensor_model_t model;
static sensors_t sensors;
static picture_post_t post;
static update_slot_t slot;

static uint64_t milliseconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void random_bytes(void *context, uint8_t *out, size_t size)
{
    (void)context;
    if (psa_generate_random(out, size) == PSA_SUCCESS) return;
    fputs("no entropy: stopping\n", stderr);
    abort();
}

static void print(void *context, const char *text)
{
    (void)context;
    puts(text);
    fflush(stdout);
}

static bool parse(int count, char **arguments, options_t *options)
{
    static const struct option NAMES[] = {
        { "tty", required_argument, NULL, 't' },   { "pty", no_argument, NULL, 'p' },
        { "data", required_argument, NULL, 'd' },  { "name", required_argument, NULL, 'n' },
        { "every", required_argument, NULL, 'e' }, { "code", required_argument, NULL, 'c' },
        { "clock", no_argument, NULL, 'k' },       { "tell", no_argument, NULL, 'l' },
        { "network", no_argument, NULL, 'w' },     { NULL, 0, NULL, 0 },
    };
    int option;

    *options = (options_t){ .name = "device", .every_ms = SENSORS_EVERY_MS };
    while ((option = getopt_long(count, arguments, "", NAMES, NULL)) != -1) {
        switch (option) {
        case 't': options->tty = optarg; break;
        case 'p': options->is_pty = true; break;
        case 'd': options->data = optarg; break;
        case 'n': options->name = optarg; break;
        case 'e': options->every_ms = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'c': options->code = optarg; break;
        case 'k': options->has_clock = true; break;
        case 'w': options->has_network = true; break;
        case 'l': options->tells = true; break;
        default: return false;
        }
    }
    const bool has_line = options->is_pty != (options->tty != NULL);
    const bool is_alone = options->has_network && !options->is_pty && options->tty == NULL;
    return options->data != NULL && (has_line || is_alone) && options->every_ms >= 10;
}

/** Weather and a hand that moves the board, so that readings differ. */
static void drift(uint32_t step)
{
    model.sht4x_raw[0] = (uint16_t)(26214 + step % 200);
    model.sht4x_raw[1] = (uint16_t)(28311 + step % 300);
    model.bmp280_adc_p = 415148 + (int32_t)(step % 400);
    model.mpu6050_raw[0] = (int16_t)(step % 100 * 20 - 1000);
}

/** `fault SENSOR KIND`: makes a model fail, as a wire or a part would. */
static bool fault_command(const char *line)
{
    static const char *const KINDS[] = { "none", "absent", "stuck", "wrong_id", "bad_crc", "absurd" };
    char sensor[16] = "", kind[16] = "";

    if (sscanf(line, "fault %15s %15s", sensor, kind) != 2) return false;
    fault_t *fault = strcmp(sensor, "bmp280") == 0    ? &model.bmp280
                     : strcmp(sensor, "mpu6050") == 0 ? &model.mpu6050
                                                      : &model.sht4x;
    for (int i = 0; i < 6; i++) {
        if (strcmp(kind, KINDS[i]) == 0) *fault = (fault_t)i;
    }
    return true;
}

/** `clock MS`: tells the time as SNTP would; Unix time in milliseconds. */
static bool clock_command(const char *line, uint64_t now_ms)
{
    char *end = NULL;

    if (strncmp(line, "clock ", 6) != 0) return false;
    const uint64_t unix_ms = strtoull(line + 6, &end, 10);
    if (*end != '\0' || !peer_synchronise(&device.peer, unix_ms, now_ms)) {
        puts("clock: that is no time between 2025 and 2199");
    } else {
        puts("clock: set");
    }
    fflush(stdout);
    return true;
}

/** `update URL SHA256`: as on the chip, but what was fetched stays a file. */
static bool take_update(const char *line)
{
    switch (update_command(line, &slot, NULL)) {
    case UPDATE_NOT_ASKED: return false;
    case UPDATE_MALFORMED: puts("update http://HOST:PORT/PATH SHA256"); break;
    case UPDATE_FAILED: puts("update: out of reach, or not that image: nothing has changed"); break;
    case UPDATE_KEPT: puts("update: kept"); break;
    }
    fflush(stdout);
    return true;
}

/** Reads the console. False at its end. */
static bool read_console(uint64_t now_ms)
{
    static char line[DEVICE_LINE_SIZE_MAX];
    static size_t size;
    char bytes[256];
    const ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);

    if (count == 0) return false;
    for (ssize_t i = 0; i < count; i++) {
        if (bytes[i] != '\n') {
            if (size < sizeof line - 1) line[size++] = bytes[i];
            continue;
        }
        line[size] = '\0';
        size = 0;
        if (!fault_command(line) && !clock_command(line, now_ms) && !take_update(line)) {
            device_command(&device, line, now_ms);
        }
    }
    return true;
}

static void update_sensor_data(uint64_t now_ms, bool tells)
{
    static uint32_t step;
    const i2c_bus_t bus = sensor_model_bus(&model);
    measurement_t measurement;

    drift(++step);
    sensors_read(&sensors, &bus, &measurement);
    if (device.picture_now) device_send_picture(&device, &measurement, now_ms);
    device.picture_now = false;
    if (peer_add_reading(&device.peer, &measurement, now_ms) != PEER_OK) {
        fputs("a reading could not be stored\n", stderr);
    } else if (tells) {
        printf("reading %llu\n",
               (unsigned long long)device_clock_unix_ms(&device.peer.clock, now_ms));
        fflush(stdout);
    }
}

/** Without a serial line that answers, bundles and pictures go over the network. */
static void use_network(uint64_t now_ms)
{
    static uint8_t back[65536];
    device_post_t next;
    size_t size = 0;

    if (!device_post_next(&device, now_ms, &next)) return;
    const bool is_done = http_post(&next, NULL, back, sizeof back, &size);
    device_post_done(&device, &next, is_done ? back : NULL, size, milliseconds(CLOCK_MONOTONIC));
}

static void run(int tty, const options_t *options)
{
    uint64_t sensors_at_ms = 0, clock_at_ms = 0;
    bool has_console = true;

    for (;;) {
        struct pollfd files[] = { { tty, POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };
        uint8_t bytes[1024], frame[FRAME_SIZE_MAX];
        size_t size;

        poll(files, has_console ? 2 : 1, POLL_MS);
        const uint64_t now_ms = milliseconds(CLOCK_MONOTONIC);
        if (has_console && (files[1].revents & (POLLIN | POLLHUP)) != 0) {
            has_console = read_console(now_ms);
        }
        while (tty >= 0 && (size = tty_read(tty, bytes, sizeof bytes)) > 0) {
            device_receive(&device, bytes, size, now_ms);
        }
        /* First the clock, so that the first reading is dated by it. */
        if (options->has_clock && now_ms >= clock_at_ms) {
            clock_at_ms = now_ms + CLOCK_EVERY_MS;
            (void)peer_synchronise(&device.peer, milliseconds(CLOCK_REALTIME), now_ms);
        }
        if (now_ms >= sensors_at_ms || device.measure_now || device.picture_now) {
            if (now_ms >= sensors_at_ms) sensors_at_ms = now_ms + options->every_ms;
            device.measure_now = false;
            update_sensor_data(now_ms, options->tells);
        }
        if (options->has_network) use_network(now_ms);
        while (tty >= 0 && (size = device_poll(&device, now_ms, frame)) > 0) {
            tty_write(tty, frame, size);
        }
        device_tell_news(&device);
    }
}

/** How often it was started: part of its health. */
static void count_boot(const store_t *store)
{
    health_t *health = &device.peer.health;
    uint32_t boots = 0;

    (void)store->load(store->context, "boots", &boots, sizeof boots);
    boots++;
    (void)!store->save(store->context, "boots", &boots, sizeof boots);
    *health = (health_t){ .boots = boots, .reset_reason = 1 };
}

int main(int count, char **arguments)
{
    static file_store_t files;
    static file_slot_t next_image;
    static peer_port_t port;
    options_t options;
    char name[64];
    uint64_t boot_id = 0;

    if (!parse(count, arguments, &options)) {
        fprintf(stderr, "usage: %s (--pty | --tty FILE | --network) --data FOLDER [--name NAME] [--every MS] "
                        "[--clock] [--code CODE] [--network] [--tell]\n", arguments[0]);
        return 2;
    }
    if (!file_store_start(&files, options.data)) return 1;
    const bool has_line = options.is_pty || options.tty != NULL;
    const int tty = !has_line      ? -1
                    : options.is_pty ? tty_make(name, sizeof name)
                                     : tty_open(options.tty, BAUD);
    if (has_line && tty < 0) return 1;
    port = (peer_port_t){ .random = random_bytes, .store = file_store(&files) };
    if (crypto_start() != PEER_OK || peer_start(&device.peer, &port, options.name, "") != PEER_OK) {
        fprintf(stderr, "cannot start from %s\n", options.data);
        return 1;
    }
    if (options.code != NULL && peer_hold_code(&device.peer, options.code) != PEER_OK) {
        fputs("--code: that is no pairing code\n", stderr);
        return 2;
    }
    slot = file_slot(&next_image, options.data);
    count_boot(&port.store);
    sensor_model_start(&model);
    while (boot_id == 0) random_bytes(NULL, (uint8_t *)&boot_id, sizeof boot_id);
    device_start(&device, (device_console_t){ .print = print }, boot_id, BAUD,
                 milliseconds(CLOCK_MONOTONIC));
    device.post = &post;
    printf("serial: %s\n", !has_line ? "none" : options.is_pty ? name : options.tty);
    fflush(stdout);
    run(tty, &options);
}
