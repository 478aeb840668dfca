#pragma once

#include "peer/device.h"

/**
 * The network link, PROTOCOL §3.1: what a device without a line that answers is to POST, one at a
 * time. Who carries it calls device_post_done with the answer.
 */
typedef struct {
    contact_t *to;          /**< The address is its record's; /packets follows. */
    const char *media_type;
    size_t size;
    line_source_t read;     /**< Gives the body, in order. */
    void *context;
    /* Of a bundle. */
    const uint8_t *bytes;
} device_post_t;

/** Whether there is something to carry; the line goes first. `post` stays valid until it is done. */
bool device_post_next(device_t *device, uint64_t now_ms, device_post_t *post);

/** What came back, or NULL if nothing did. */
void device_post_done(device_t *device, const device_post_t *post, const uint8_t *back, size_t size,
                      uint64_t now_ms);
