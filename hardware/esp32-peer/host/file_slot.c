#define _POSIX_C_SOURCE 200809L
#include "file_slot.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { SLOT_SIZE = 0x1C0000 }; /* As in partitions.csv. */

static bool begin(void *context, size_t size)
{
    file_slot_t *slot = context;

    slot->file = size > SLOT_SIZE ? -1 : open(slot->part, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    return slot->file >= 0;
}

static bool write_all(void *context, const uint8_t *bytes, size_t size)
{
    const file_slot_t *slot = context;

    while (size > 0) {
        const ssize_t count = write(slot->file, bytes, size);
        if (count <= 0) return false;
        bytes += count;
        size -= (size_t)count;
    }
    return true;
}

static bool end(void *context, bool is_kept)
{
    const file_slot_t *slot = context;

    close(slot->file);
    return is_kept ? rename(slot->part, slot->name) == 0 : unlink(slot->part) == 0;
}

update_slot_t file_slot(file_slot_t *slot, const char *folder)
{
    snprintf(slot->name, sizeof slot->name, "%s/next.bin", folder);
    snprintf(slot->part, sizeof slot->part, "%s.part", slot->name);
    return (update_slot_t){ .context = slot, .begin = begin, .write = write_all, .end = end };
}
