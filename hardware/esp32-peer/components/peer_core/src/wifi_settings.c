#include "peer/wifi_settings.h"

#include <string.h>

/** Copies one word, or what stands between quotes. False if it does not fit or does not end. */
static bool take_word(const char **text, char *out, size_t size_max)
{
    const char *at = *text;
    const bool is_quoted = *at == '"';
    const char end = is_quoted ? '"' : ' ';
    size_t size = 0;

    if (is_quoted) at++;
    while (*at != '\0' && *at != end) {
        if (size == size_max) return false;
        out[size++] = *at++;
    }
    out[size] = '\0';
    if (is_quoted && *at++ != '"') return false;
    while (*at == ' ') at++;
    *text = at;
    return true;
}

peer_error_t wifi_settings_parse(const char *text, wifi_settings_t *settings)
{
    memset(settings, 0, sizeof *settings);
    const bool is_whole = take_word(&text, settings->name, WIFI_NAME_SIZE_MAX)
                          && take_word(&text, settings->password, WIFI_PASSWORD_SIZE_MAX)
                          && *text == '\0';
    const size_t size = strlen(settings->password);
    const bool is_strong = size == 0 || size >= WIFI_PASSWORD_SIZE_MIN;

    return is_whole && is_strong && settings->name[0] != '\0' ? PEER_OK : PEER_ERROR_MALFORMED;
}

peer_error_t wifi_settings_save(const store_t *store, const wifi_settings_t *settings)
{
    return store->save(store->context, "wifi", settings, sizeof *settings) ? PEER_OK : PEER_ERROR_STORE;
}

bool wifi_settings_load(const store_t *store, wifi_settings_t *settings)
{
    if (!store->load(store->context, "wifi", settings, sizeof *settings)) return false;
    settings->name[WIFI_NAME_SIZE_MAX] = '\0';
    settings->password[WIFI_PASSWORD_SIZE_MAX] = '\0';
    return settings->name[0] != '\0';
}

bool wifi_settings_forget(const store_t *store)
{
    return store->erase(store->context, "wifi");
}
