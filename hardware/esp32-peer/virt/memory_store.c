#include "memory_store.h"

#include <string.h>

enum { VALUES_MAX = 160, POOL_SIZE = 192 * 1024 };

typedef struct {
    char name[16];
    size_t size, room;
    uint8_t *bytes;
} value_in_store_t;

static value_in_store_t values[VALUES_MAX];
static uint8_t pool[POOL_SIZE];
static size_t taken;

static value_in_store_t *find(const char *name)
{
    for (int i = 0; i < VALUES_MAX; i++) {
        if (strncmp(values[i].name, name, sizeof values[i].name) == 0) return &values[i];
    }
    return NULL;
}

static bool load(void *context, const char *name, void *value, size_t size)
{
    const value_in_store_t *found = find(name);

    (void)context;
    if (found == NULL || found->size != size) return false;
    memcpy(value, found->bytes, size);
    return true;
}

static bool save(void *context, const char *name, const void *value, size_t size)
{
    value_in_store_t *found = find(name);

    (void)context;
    if (found == NULL) found = find("");
    if (found == NULL || size == 0) return false;
    if (found->room < size) {
        if (POOL_SIZE - taken < size) return false;
        *found = (value_in_store_t){ .room = size, .bytes = pool + taken };
        taken += size;
    }
    strncpy(found->name, name, sizeof found->name - 1);
    found->size = size;
    memcpy(found->bytes, value, size);
    return true;
}

static bool erase(void *context, const char *name)
{
    value_in_store_t *found = find(name);

    (void)context;
    if (found != NULL) found->size = 0;
    return true;
}

store_t memory_store(void)
{
    return (store_t){ .load = load, .save = save, .erase = erase };
}
