#include "peer/packet.h"

#include "peer/bytes.h"

enum {
    E = KEY_SIZE,
    SEALED_S = KEY_SIZE + TAG_SIZE,
    INTRODUCTION_MIN = 12,
    INTRODUCTION_MAX = 12 + 64 + 255,
    COMMIT = 32,
    NONCE = 16,
    PACKET_SIZE_MAX = 65535,
};

/** Sizes of what follows the header, least and most. */
static const struct {
    uint16_t least, most;
} SIZES[PACKET_STATUS + 1] = {
    [PACKET_XX1] = { E + INTRODUCTION_MIN + COMMIT, E + INTRODUCTION_MAX + COMMIT },
    [PACKET_XX2] = { E + SEALED_S + INTRODUCTION_MIN + NONCE + TAG_SIZE,
                     E + SEALED_S + INTRODUCTION_MAX + NONCE + TAG_SIZE },
    [PACKET_XX3] = { SEALED_S + NONCE + TAG_SIZE, SEALED_S + NONCE + TAG_SIZE },
    [PACKET_PSK1] = { E + INTRODUCTION_MIN + COMMIT + TAG_SIZE,
                      E + INTRODUCTION_MAX + COMMIT + TAG_SIZE },
    [PACKET_PSK2] = { E + SEALED_S + INTRODUCTION_MIN + NONCE + TAG_SIZE,
                      E + SEALED_S + INTRODUCTION_MAX + NONCE + TAG_SIZE },
    [PACKET_PSK3] = { SEALED_S + NONCE + TAG_SIZE, SEALED_S + NONCE + TAG_SIZE },
    [PACKET_KK1] = { E + INTRODUCTION_MIN + TAG_SIZE + GATE_SIZE,
                     E + INTRODUCTION_MAX + TAG_SIZE + GATE_SIZE },
    [PACKET_KK2] = { E + INTRODUCTION_MIN + TAG_SIZE, E + INTRODUCTION_MAX + TAG_SIZE },
    [PACKET_LETTER] = { E + 16 + TAG_SIZE, PACKET_SIZE_MAX - 8 },
    [PACKET_TRANSPORT] = { 8 + 16 + TAG_SIZE, PACKET_SIZE_MAX - 8 },
    [PACKET_STATUS] = { ECHO_SIZE, ECHO_SIZE },
};

bool bundle_next(slice_t *bundle, slice_t *packet)
{
    if (bundle->size < 2) return false;
    const size_t size = get_u16(bundle->bytes);
    if (size == 0 || size > bundle->size - 2) return false;
    *packet = (slice_t){ bundle->bytes + 2, size };
    bundle->bytes += 2 + size;
    bundle->size -= 2 + size;
    return true;
}

bool bundle_is_exact(slice_t bundle)
{
    slice_t packet;

    while (bundle_next(&bundle, &packet)) continue;
    return bundle.size == 0;
}

uint8_t *bundle_space(bundle_writer_t *bundle, size_t *room)
{
    const size_t left = bundle->room - bundle->size;

    *room = left < 2 ? 0 : left - 2;
    return left < 2 ? bundle->bytes + bundle->size : bundle->bytes + bundle->size + 2;
}

void bundle_add(bundle_writer_t *bundle, size_t packet_size)
{
    put_u16(bundle->bytes + bundle->size, (uint16_t)packet_size);
    bundle->size += 2 + packet_size;
}

static size_t header_size(packet_type_t type)
{
    if (type == PACKET_XX1 || type == PACKET_PSK1 || type == PACKET_STATUS) return 4;
    return 8;
}

/** TRANSPORT and LETTER are padded: their sizes step by 16 from the least. */
static bool is_size_of(packet_type_t type, size_t size)
{
    if (size < SIZES[type].least || size > SIZES[type].most) return false;
    if (type != PACKET_TRANSPORT && type != PACKET_LETTER) return true;
    return (size - SIZES[type].least) % 16 == 0;
}

peer_error_t packet_decode(slice_t whole, packet_t *packet)
{
    const uint8_t *at = whole.bytes;

    if (whole.size < 4 || at[0] < PACKET_XX1 || at[0] > PACKET_STATUS) return PEER_ERROR_MALFORMED;
    const packet_type_t type = (packet_type_t)at[0];
    const bool is_status = type == PACKET_STATUS;
    if (get_u16(at + 2) != 0 || (!is_status && at[1] != 0)) return PEER_ERROR_MALFORMED;
    if (is_status && (at[1] < STATUS_STALE || at[1] > STATUS_REFUSED)) return PEER_ERROR_MALFORMED;

    size_t size = header_size(type);
    if (whole.size < size || !is_size_of(type, whole.size - size)) return PEER_ERROR_MALFORMED;
    *packet = (packet_t){ .type = type, .whole = whole };
    if (is_status) packet->status = (status_code_t)at[1];
    if (size == 8) packet->index = get_u32(at + 4);
    if (type == PACKET_TRANSPORT) {
        packet->counter = get_u64(at + 8);
        size = 16;
    }
    packet->header = (slice_t){ at, size };
    packet->body = (slice_t){ at + size, whole.size - size };
    return PEER_OK;
}

size_t header_encode(packet_type_t type, uint32_t index, uint64_t counter,
                     uint8_t out[HEADER_SIZE_MAX])
{
    memset(out, 0, 4);
    out[0] = (uint8_t)type;
    if (header_size(type) == 4) return 4;
    put_u32(out + 4, index);
    if (type != PACKET_TRANSPORT) return 8;
    put_u64(out + 8, counter);
    return 16;
}

peer_error_t status_echo(slice_t whole, uint8_t echo[ECHO_SIZE])
{
    uint8_t hash[HASH_SIZE];

    PEER_TRY(crypto_hash(&whole, 1, hash));
    memcpy(echo, hash, ECHO_SIZE);
    return PEER_OK;
}

peer_error_t status_add(bundle_writer_t *bundle, status_code_t code, slice_t whole)
{
    size_t room;
    uint8_t *out = bundle_space(bundle, &room);

    if (room < STATUS_SIZE) {
        bundle->is_full = true;
        return PEER_OK;
    }
    PEER_TRY(status_echo(whole, out + 4));
    put_u32(out, (uint32_t)PACKET_STATUS << 24 | (uint32_t)code << 16);
    bundle_add(bundle, STATUS_SIZE);
    return PEER_OK;
}

void prologue_encode(packet_type_t first, uint8_t out[PROLOGUE_SIZE])
{
    memcpy(out, "sotto\1\1", 7);
    out[7] = (uint8_t)first;
}
