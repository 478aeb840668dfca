#include "peer/gate.h"

#include "peer/bytes.h"

peer_error_t gate_key(const uint8_t shared[KEY_SIZE], uint8_t key[KEY_SIZE])
{
    return crypto_hkdf((slice_t){ shared, KEY_SIZE }, (slice_t){ shared, 0 },
                       (slice_t){ (const uint8_t *)"sotto-gate1", 11 }, key, KEY_SIZE);
}

peer_error_t gate_hint(const uint8_t key[KEY_SIZE], const uint8_t sender[KEY_SIZE], uint32_t *hint)
{
    const slice_t part = { sender, KEY_SIZE };
    uint8_t mac[HASH_SIZE];

    PEER_TRY(crypto_hmac((slice_t){ key, KEY_SIZE }, &part, 1, mac));
    *hint = get_u32(mac);
    return PEER_OK;
}

peer_error_t gate_value(const uint8_t key[KEY_SIZE], const uint8_t sender[KEY_SIZE], slice_t before,
                        uint8_t gate[GATE_SIZE])
{
    const slice_t parts[] = { { sender, KEY_SIZE }, before };
    uint8_t mac[HASH_SIZE];

    PEER_TRY(crypto_hmac((slice_t){ key, KEY_SIZE }, parts, 2, mac));
    memcpy(gate, mac, GATE_SIZE);
    return PEER_OK;
}
