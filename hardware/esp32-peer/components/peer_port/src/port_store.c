/* The store on NVS: each value a blob, whole or not at all, spread over the partition's pages. */
#include <esp_log.h>
#include <nvs.h>
#include <nvs_flash.h>

#include "port/port.h"

static const char TAG[] = "store";
static nvs_handle_t handle;

static bool load(void *context, const char *name, void *value, size_t size)
{
    size_t found = 0;

    (void)context;
    if (nvs_get_blob(handle, name, NULL, &found) != ESP_OK || found != size) return false;
    return nvs_get_blob(handle, name, value, &found) == ESP_OK;
}

static bool save(void *context, const char *name, const void *value, size_t size)
{
    (void)context;
    return nvs_set_blob(handle, name, value, size) == ESP_OK && nvs_commit(handle) == ESP_OK;
}

static bool erase(void *context, const char *name)
{
    (void)context;
    const esp_err_t error = nvs_erase_key(handle, name);

    if (error == ESP_ERR_NVS_NOT_FOUND) return true;
    return error == ESP_OK && nvs_commit(handle) == ESP_OK;
}

/**
 * Pages without a free one are what another program left, or one with a smaller partition: NVS
 * itself keeps one free, whenever the power goes. What a newer ESP-IDF wrote is left alone.
 */
static bool open_partition(void)
{
    const esp_err_t error = nvs_flash_init();

    if (error != ESP_ERR_NVS_NO_FREE_PAGES) return error == ESP_OK;
    ESP_LOGE(TAG, "what stands in the store is not this device's: it begins anew, with a new key");
    return nvs_flash_erase() == ESP_OK && nvs_flash_init() == ESP_OK;
}

bool port_store_start(store_t *store)
{
    if (!open_partition()) return false;
    if (nvs_open("sotto", NVS_READWRITE, &handle) != ESP_OK) return false;
    *store = (store_t){ .context = NULL, .load = load, .save = save, .erase = erase };
    return true;
}
