#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/** Like assert, but it cannot be compiled away and says which case it was. */
#define CHECK(claim, case_name)                                                          \
    do {                                                                                 \
        if (!(claim)) {                                                                  \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, (case_name), #claim); \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

typedef struct {
    size_t size;
    uint8_t data[10240];
} blob_t;

/** The bytes that `hex` stands for, up to its end or the first character that is none. */
static inline blob_t unhex(const char *hex)
{
    blob_t blob = { 0 };
    unsigned byte;

    while (blob.size < sizeof blob.data && sscanf(hex, "%2x", &byte) == 1 && hex[0] != ';') {
        blob.data[blob.size++] = (uint8_t)byte;
        hex += 2;
    }
    return blob;
}

/** Appends `bytes` as hex to the text in `out`. */
static inline void put_hex(char *out, size_t room, const uint8_t *bytes, size_t size)
{
    size_t end = strlen(out);

    for (size_t i = 0; i < size && end + 3 <= room; i++, end += 2) {
        snprintf(out + end, room - end, "%02x", bytes[i]);
    }
}
