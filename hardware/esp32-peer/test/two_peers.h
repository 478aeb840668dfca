#pragma once

/** Two whole peers in one process, a link that the test owns, a clock that it moves. */
#include "check.h"
#include "peer/packet.h"
#include "peer/peer.h"

enum { VALUES_MAX = 200, VALUE_SIZE_MAX = 1200 };

/** A store in memory: what a restart finds again. */
typedef struct {
    struct {
        char name[16];
        size_t size;
        uint8_t bytes[VALUE_SIZE_MAX];
    } values[VALUES_MAX];
    bool is_failing;
    const char *fails_at; /* Only values whose names hold this. */
} memory_t;

static inline int find(const memory_t *memory, const char *name)
{
    for (int i = 0; i < VALUES_MAX; i++) {
        if (strcmp(memory->values[i].name, name) == 0) return i;
    }
    return -1;
}

static inline bool load(void *context, const char *name, void *value, size_t size)
{
    const memory_t *memory = context;
    const int i = find(memory, name);

    if (i < 0 || memory->values[i].size != size) return false;
    memcpy(value, memory->values[i].bytes, size);
    return true;
}

static inline bool save(void *context, const char *name, const void *value, size_t size)
{
    memory_t *memory = context;
    int i = find(memory, name);

    if (memory->is_failing && (memory->fails_at == NULL || strstr(name, memory->fails_at) != NULL)) {
        return false;
    }
    if (i < 0) i = find(memory, "");
    CHECK(i >= 0 && size <= VALUE_SIZE_MAX && strlen(name) < 16, name);
    strcpy(memory->values[i].name, name);
    memory->values[i].size = size;
    memcpy(memory->values[i].bytes, value, size);
    return true;
}

static inline bool erase(void *context, const char *name)
{
    memory_t *memory = context;
    const int i = find(memory, name);

    if (memory->is_failing) return false;
    if (i >= 0) memory->values[i].name[0] = '\0';
    return true;
}

static uint64_t random_state = 1;

static inline uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 32) * bound >> 32);
}

static inline void random_bytes(void *context, uint8_t *out, size_t size)
{
    (void)context;
    for (size_t i = 0; i < size; i++) out[i] = (uint8_t)random_below(256);
}

typedef struct {
    peer_t peer;
    peer_port_t port;
    memory_t memory;
    const char *name, *address;
} side_t;

static side_t a, b;
static uint64_t now_ms;

static inline void start(side_t *device)
{
    CHECK(peer_start(&device->peer, &device->port, device->name, device->address) == PEER_OK,
          device->name);
    device->peer.time_interval_ms = 0;
}

static inline void begin(void)
{
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    a.name = "alpha", a.address = "http://alpha:5000";
    b.name = "beta", b.address = "http://beta:5001";
    a.port = (peer_port_t){ NULL, random_bytes, { &a.memory, load, save, erase } };
    b.port = (peer_port_t){ NULL, random_bytes, { &b.memory, load, save, erase } };
    now_ms = 1000;
    start(&a);
    start(&b);
}

/** What the link does to bundles on their way; NULL: nothing. May change or drop them. */
typedef bool (*meddle_t)(uint8_t *bundle, size_t *size);

static inline bool carry(side_t *from, side_t *to, meddle_t meddle)
{
    uint8_t out[PEER_BUNDLE_SIZE_MAX], back[PEER_BUNDLE_SIZE_MAX];
    contact_t *contact = NULL;
    size_t size = peer_poll(&from->peer, now_ms, out, sizeof out, &contact), back_size = 0;

    if (size == 0) return false;
    const bool is_there = meddle == NULL || meddle(out, &size);
    if (!is_there
        || peer_receive(&to->peer, (slice_t){ out, size }, now_ms, back, sizeof back, &back_size)
               != PEER_OK
        || (meddle != NULL && !meddle(back, &back_size))) {
        peer_fail(&from->peer, contact, now_ms);
        return true;
    }
    peer_reply(&from->peer, contact, (slice_t){ back, back_size }, now_ms);
    return true;
}

static inline void run(uint64_t duration_ms, meddle_t meddle)
{
    for (const uint64_t end_ms = now_ms + duration_ms; now_ms < end_ms; now_ms += 100) {
        for (int turn = 0; turn < 8; turn++) {
            const bool went = carry(&a, &b, meddle), came = carry(&b, &a, meddle);
            if (!went && !came) break;
        }
    }
}

static inline void pair(void)
{
    char code[PAIRING_TEXT_SIZE + 1];

    CHECK(peer_make_code(&b.peer, code) == PEER_OK, "code");
    CHECK(peer_use_code(&a.peer, code, b.address, now_ms) == PEER_OK, "use");
    run(1000, NULL);
    CHECK(peer_take_news(&a.peer) == NEWS_PAIRED, "a is paired");
    CHECK(peer_take_news(&b.peer) == NEWS_PAIRED, "b is paired");
    CHECK(strcmp(a.peer.key_check, b.peer.key_check) == 0, "both show the same key check");
    CHECK(a.peer.contacts[0].record.is_verified && b.peer.contacts[0].record.is_verified, "verified");
    CHECK(!b.peer.code.is_held, "the code is used up");
}

static inline void check_text(side_t *device, const char *expected)
{
    contact_t *from = NULL;
    inbox_text_t *text = peer_oldest_text(&device->peer, &from);

    CHECK(text != NULL && text->size == strlen(expected), expected);
    CHECK(memcmp(text->text, expected, text->size) == 0, expected);
    CHECK(inbox_remove(&from->inbox, text) == PEER_OK, expected);
}

static inline bool has_text(side_t *device)
{
    contact_t *from = NULL;
    return peer_oldest_text(&device->peer, &from) != NULL;
}

