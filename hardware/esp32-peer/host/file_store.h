#pragma once

#include "peer/store.h"

/** The store as one file a value in a folder of mode 0700: what NVS is on the chip. */
typedef struct {
    char folder[256];
} file_store_t;

/** Makes the folder if there is none. False, with a sentence on stderr, if that fails. */
bool file_store_start(file_store_t *files, const char *folder);

store_t file_store(file_store_t *files);
