#include "http/update.h"

#include <psa/crypto.h>
#include <stdio.h>
#include <string.h>

#include "http/http_get.h"

enum { SHA256_SIZE = 32, URL_SIZE_MAX = 298 };

typedef struct {
    const update_slot_t *slot;
    psa_hash_operation_t hash;
    bool is_begun;
} download_t;

static bool begin(void *context, size_t size)
{
    download_t *download = context;

    if (size == 0 || psa_hash_setup(&download->hash, PSA_ALG_SHA_256) != PSA_SUCCESS) return false;
    download->is_begun = download->slot->begin(download->slot->context, size);
    return download->is_begun;
}

static bool take(void *context, const uint8_t *bytes, size_t size)
{
    download_t *download = context;

    return psa_hash_update(&download->hash, bytes, size) == PSA_SUCCESS
           && download->slot->write(download->slot->context, bytes, size);
}

static bool fetch(const char *url, const uint8_t sha256[SHA256_SIZE], const update_slot_t *slot,
                  void (*tick)(void))
{
    download_t download = { .slot = slot, .hash = PSA_HASH_OPERATION_INIT };
    const http_sink_t sink = { .context = &download, .begin = begin, .take = take };
    uint8_t found[SHA256_SIZE];
    size_t found_size = 0;

    const bool is_read = http_get(url, &sink, tick);
    const bool is_named =
        is_read
        && psa_hash_finish(&download.hash, found, sizeof found, &found_size) == PSA_SUCCESS
        && memcmp(found, sha256, sizeof found) == 0;
    (void)psa_hash_abort(&download.hash);
    return download.is_begun && slot->end(slot->context, is_named) && is_named;
}

static int digit_of(char character)
{
    static const char DIGITS[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = character == '\0' ? NULL : strchr(DIGITS, character);

    return at == NULL ? -1 : (int)((at - DIGITS) % 16);
}

static bool parse_hash(const char *hex, uint8_t hash[SHA256_SIZE])
{
    if (strlen(hex) != 2 * SHA256_SIZE) return false;
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        const int high = digit_of(hex[2 * i]), low = digit_of(hex[2 * i + 1]);

        if (high < 0 || low < 0) return false;
        hash[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

update_result_t update_command(const char *line, const update_slot_t *slot, void (*tick)(void))
{
    char url[URL_SIZE_MAX + 1], hex[2 * SHA256_SIZE + 2], rest[2];
    uint8_t hash[SHA256_SIZE];

    if (strncmp(line, "update", 6) != 0 || (line[6] != ' ' && line[6] != '\0')) return UPDATE_NOT_ASKED;
    if (sscanf(line, "update %298s %65s %1s", url, hex, rest) != 2 || !parse_hash(hex, hash)) {
        return UPDATE_MALFORMED;
    }
    return fetch(url, hash, slot, tick) ? UPDATE_KEPT : UPDATE_FAILED;
}
