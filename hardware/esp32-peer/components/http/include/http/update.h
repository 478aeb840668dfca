#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * An image of the firmware, fetched into a place where it does not run. What vouches for it is the
 * hash that a person typed at the device's own console; server and network are not trusted.
 */
typedef struct {
    void *context;
    /** Makes room; false if there is not so much. Then, or if it is never called, `end` is not. */
    bool (*begin)(void *context, size_t size);
    bool (*write)(void *context, const uint8_t *bytes, size_t size);
    /** Once after `begin`: keeps the image, to be started next, or forgets it. */
    bool (*end)(void *context, bool is_kept);
} update_slot_t;

typedef enum {
    UPDATE_NOT_ASKED, /**< The line is another command. */
    UPDATE_MALFORMED,
    UPDATE_FAILED, /**< Out of reach, too large, or not the image that was named: nothing has changed. */
    UPDATE_KEPT,
} update_result_t;

/**
 * `update URL SHA256` (64 digits in hex). Takes minutes, HTTP_GET_MS at most.
 *
 * @param tick  As in http_get.
 */
update_result_t update_command(const char *line, const update_slot_t *slot, void (*tick)(void));
