/* An image from the network into the slot that does not run. Kept only if it is what was named. */
#include <esp_ota_ops.h>
#include <esp_system.h>
#include <sdkconfig.h>
#include <stdio.h>
#include <string.h>

#include "port/port.h"

#if CONFIG_SOTTO_NETWORK_NONE

static bool update(const char *url, const uint8_t sha256[HASH_SIZE])
{
    (void)url, (void)sha256;
    return false;
}

#else

#include <esp_http_client.h>
#include <esp_log.h>
#include <esp_task_wdt.h>
#include <psa/crypto.h>

enum { HTTP_TIMEOUT_MS = 10 * 1000, CHUNK_SIZE = 1024 };

static const char TAG[] = "update";

/** Reads the answer's body to its declared end into the slot, hashing it on the way. */
static bool read_image(esp_http_client_handle_t client, int64_t size, esp_ota_handle_t slot,
                       psa_hash_operation_t *hash)
{
    static uint8_t chunk[CHUNK_SIZE];

    while (size > 0) {
        const int wanted = size < CHUNK_SIZE ? (int)size : CHUNK_SIZE;
        const int got = esp_http_client_read(client, (char *)chunk, wanted);

        if (got <= 0 || psa_hash_update(hash, chunk, (size_t)got) != PSA_SUCCESS
            || esp_ota_write(slot, chunk, (size_t)got) != ESP_OK) {
            return false;
        }
        size -= got;
        (void)esp_task_wdt_reset();
    }
    return true;
}

/** Opens the answer; its size, or -1 if it is none or does not fit the slot. */
static int64_t open_image(esp_http_client_handle_t client, size_t slot_size)
{
    if (esp_http_client_open(client, 0) != ESP_OK) return -1;
    const int64_t size = esp_http_client_fetch_headers(client);
    if (esp_http_client_get_status_code(client) != 200) return -1;
    return size > 0 && size <= (int64_t)slot_size ? size : -1;
}

static bool fetch(esp_http_client_handle_t client, const esp_partition_t *partition,
                  const uint8_t sha256[HASH_SIZE])
{
    psa_hash_operation_t hash = PSA_HASH_OPERATION_INIT;
    esp_ota_handle_t slot = 0;
    uint8_t found[HASH_SIZE];
    size_t found_size = 0;
    const int64_t size = open_image(client, partition->size);

    if (size < 0 || psa_hash_setup(&hash, PSA_ALG_SHA_256) != PSA_SUCCESS) return false;
    if (esp_ota_begin(partition, OTA_WITH_SEQUENTIAL_WRITES, &slot) != ESP_OK) {
        (void)psa_hash_abort(&hash);
        return false;
    }
    const bool is_read = read_image(client, size, slot, &hash);
    const bool is_hashed = psa_hash_finish(&hash, found, sizeof found, &found_size) == PSA_SUCCESS;
    (void)psa_hash_abort(&hash);
    if (!is_read || !is_hashed || memcmp(found, sha256, sizeof found) != 0) {
        (void)esp_ota_abort(slot);
        return false;
    }
    return esp_ota_end(slot) == ESP_OK;
}

static bool update(const char *url, const uint8_t sha256[HASH_SIZE])
{
    const esp_partition_t *partition = esp_ota_get_next_update_partition(NULL);
    const esp_http_client_config_t config = { .url = url,
                                              .timeout_ms = HTTP_TIMEOUT_MS,
                                              .disable_auto_redirect = true };
    esp_http_client_handle_t client = partition == NULL ? NULL : esp_http_client_init(&config);

    if (client == NULL) return false;
    const bool is_kept = fetch(client, partition, sha256);
    (void)esp_http_client_cleanup(client);
    if (!is_kept) ESP_LOGE(TAG, "not the image that was named, or out of reach: nothing changed");
    return is_kept && esp_ota_set_boot_partition(partition) == ESP_OK;
}

#endif

/** `update URL SHA256`: only at the device's own console, for that hash is all that is trusted. */
bool port_update_command(const char *line)
{
    char url[DEVICE_LINE_SIZE_MAX], hex[2 * HASH_SIZE + 1];
    uint8_t hash[HASH_SIZE];

    if (sscanf(line, "update %298s %64s", url, hex) != 2 || strlen(hex) != 2 * HASH_SIZE) return false;
    for (size_t i = 0; i < sizeof hash; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) return false;
        hash[i] = (uint8_t)byte;
    }
    if (update(url, hash)) esp_restart();
    puts("update: failed, nothing has changed");
    return true;
}

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
