/* An image from the network into the slot that does not run. */
#include <esp_ota_ops.h>
#include <esp_system.h>
#include <sdkconfig.h>
#include <stdio.h>
#include <string.h>

#include "port/port.h"

#if CONFIG_SOTTO_NETWORK_NONE

bool port_update_command(const char *line)
{
    if (strncmp(line, "update", 6) != 0) return false;
    puts("update: this build has no network");
    return true;
}

#else

#include <esp_task_wdt.h>

#include "http/update.h"

static const esp_partition_t *partition;
static esp_ota_handle_t handle;

static bool begin_slot(void *context, size_t size)
{
    (void)context;
    partition = esp_ota_get_next_update_partition(NULL);
    return partition != NULL && size <= partition->size
           && esp_ota_begin(partition, OTA_WITH_SEQUENTIAL_WRITES, &handle) == ESP_OK;
}

static bool write_slot(void *context, const uint8_t *bytes, size_t size)
{
    (void)context;
    /* Erasing a sector takes a while, and a quick server never makes anybody wait. */
    (void)esp_task_wdt_reset();
    return esp_ota_write(handle, bytes, size) == ESP_OK;
}

static bool end_slot(void *context, bool is_kept)
{
    (void)context;
    if (!is_kept) return esp_ota_abort(handle) == ESP_OK;
    return esp_ota_end(handle) == ESP_OK && esp_ota_set_boot_partition(partition) == ESP_OK;
}

static void feed_watchdog(void)
{
    (void)esp_task_wdt_reset();
}

bool port_update_command(const char *line)
{
    static const update_slot_t SLOT = { .begin = begin_slot, .write = write_slot, .end = end_slot };

    if (strncmp(line, "update", 6) == 0 && !port_network_is_up()) {
        puts("update: the network is not up, in safe mode for ten minutes: try again later");
        return true;
    }
    switch (update_command(line, &SLOT, feed_watchdog)) {
    case UPDATE_NOT_ASKED: return false;
    case UPDATE_MALFORMED: puts("update http://HOST:PORT/PATH SHA256"); break;
    case UPDATE_FAILED: puts("update: out of reach, or not that image: nothing has changed"); break;
    case UPDATE_KEPT: esp_restart();
    }
    return true;
}

#endif

static bool is_on_trial(void)
{
    esp_ota_img_states_t state;
    const esp_partition_t *running = esp_ota_get_running_partition();

    return running != NULL && esp_ota_get_state_partition(running, &state) == ESP_OK
           && state == ESP_OTA_IMG_PENDING_VERIFY;
}

void port_update_take_back(void)
{
    if (is_on_trial()) (void)esp_ota_mark_app_invalid_rollback_and_reboot();
}
