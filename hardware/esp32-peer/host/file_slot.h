#pragma once

#include "http/update.h"

/** In place of the flash that does not run: FOLDER/next.bin, of at most a slot's size. */
typedef struct {
    char name[512], part[520];
    int file;
} file_slot_t;

update_slot_t file_slot(file_slot_t *slot, const char *folder);
