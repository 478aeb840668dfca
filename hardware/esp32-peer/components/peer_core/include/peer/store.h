#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Small named values that outlive a restart: NVS on the chip, a file on a computer. */
typedef struct {
    void *context;
    /** Reads a value of exactly `size` bytes. False if there is none, or it is of another size. */
    bool (*load)(void *context, const char *name, void *value, size_t size);
    /** Durable when it returns true; an old value is replaced whole or not at all. */
    bool (*save)(void *context, const char *name, const void *value, size_t size);
    /** Forgets a value; true also if there was none. */
    bool (*erase)(void *context, const char *name);
} store_t;
