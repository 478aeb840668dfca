#pragma once

#include "peer/crypto.h"
#include "peer/store.h"

/** The access point that a person named at the device's console; kept in the store. */

enum {
    WIFI_NAME_SIZE_MAX = 32,
    WIFI_PASSWORD_SIZE_MIN = 8,
    WIFI_PASSWORD_SIZE_MAX = 64,
};

typedef struct {
    char name[WIFI_NAME_SIZE_MAX + 1]; /**< Empty: none was named. */
    char password[WIFI_PASSWORD_SIZE_MAX + 1]; /**< Empty: an open one. */
} wifi_settings_t;

/**
 * Reads `NAME PASSWORD`, either between quotes if it has spaces; without PASSWORD it is open.
 *
 * @return PEER_ERROR_MALFORMED if one is too long, the password too short, or more follows.
 */
PEER_CHECKED peer_error_t wifi_settings_parse(const char *text, wifi_settings_t *settings);

PEER_CHECKED peer_error_t wifi_settings_save(const store_t *store, const wifi_settings_t *settings);

/** Whether some were kept. */
PEER_CHECKED bool wifi_settings_load(const store_t *store, wifi_settings_t *settings);

/** So that who holds the device next does not get into the last one's network. */
PEER_CHECKED bool wifi_settings_forget(const store_t *store);
