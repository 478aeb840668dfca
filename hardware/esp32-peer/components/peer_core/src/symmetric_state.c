#include "peer/symmetric_state.h"

#include "peer/bytes.h"

static const slice_t NOTHING = { (const uint8_t *)"", 0 };

peer_error_t symmetric_start(symmetric_state_t *state, const char *protocol_name)
{
    const slice_t name = { (const uint8_t *)protocol_name, strlen(protocol_name) };

    memset(state, 0, sizeof *state);
    if (name.size <= HASH_SIZE) {
        memcpy(state->transcript, name.bytes, name.size);
    } else {
        PEER_TRY(crypto_hash(&name, 1, state->transcript));
    }
    memcpy(state->chaining_key, state->transcript, HASH_SIZE);
    return PEER_OK;
}

/** HKDF() of §4.3 with 1 to 3 outputs, one after the other. */
static peer_error_t hkdf(const symmetric_state_t *state, slice_t secret, uint8_t *out, size_t size)
{
    return crypto_hkdf(secret, (slice_t){ state->chaining_key, HASH_SIZE }, NOTHING, out, size);
}

static void set_key(symmetric_state_t *state, const uint8_t key[KEY_SIZE])
{
    memcpy(state->key, key, KEY_SIZE);
    state->has_key = true;
    state->nonce = 0;
}

peer_error_t mix_key(symmetric_state_t *state, const uint8_t *secret, size_t size)
{
    uint8_t out[2 * HASH_SIZE];

    PEER_TRY(hkdf(state, (slice_t){ secret, size }, out, sizeof out));
    memcpy(state->chaining_key, out, HASH_SIZE);
    set_key(state, out + HASH_SIZE);
    crypto_wipe(out, sizeof out);
    return PEER_OK;
}

peer_error_t mix_hash(symmetric_state_t *state, const uint8_t *data, size_t size)
{
    const slice_t parts[] = { { state->transcript, HASH_SIZE }, { data, size } };

    return crypto_hash(parts, 2, state->transcript);
}

peer_error_t mix_key_and_hash(symmetric_state_t *state, const uint8_t psk[KEY_SIZE])
{
    uint8_t out[3 * HASH_SIZE];

    PEER_TRY(hkdf(state, (slice_t){ psk, KEY_SIZE }, out, sizeof out));
    memcpy(state->chaining_key, out, HASH_SIZE);
    PEER_TRY(mix_hash(state, out + HASH_SIZE, HASH_SIZE));
    set_key(state, out + 2 * HASH_SIZE);
    crypto_wipe(out, sizeof out);
    return PEER_OK;
}

size_t symmetric_overhead(const symmetric_state_t *state)
{
    return state->has_key ? TAG_SIZE : 0;
}

peer_error_t encrypt_and_hash(symmetric_state_t *state, slice_t plaintext, uint8_t *out)
{
    const slice_t ad = { state->transcript, HASH_SIZE };

    if (state->has_key) {
        PEER_TRY(crypto_seal(state->key, state->nonce, ad, plaintext, out));
        state->nonce++;
    } else {
        copy_bytes(out, plaintext.bytes, plaintext.size);
    }
    return mix_hash(state, out, plaintext.size + symmetric_overhead(state));
}

peer_error_t decrypt_and_hash(symmetric_state_t *state, slice_t ciphertext, uint8_t *out)
{
    const slice_t ad = { state->transcript, HASH_SIZE };

    if (state->has_key) {
        PEER_TRY(crypto_open(state->key, state->nonce, ad, ciphertext, out));
        state->nonce++;
    } else {
        copy_bytes(out, ciphertext.bytes, ciphertext.size);
    }
    return mix_hash(state, ciphertext.bytes, ciphertext.size);
}

peer_error_t symmetric_split(const symmetric_state_t *state, uint8_t first[KEY_SIZE],
                             uint8_t second[KEY_SIZE])
{
    uint8_t out[2 * HASH_SIZE];

    PEER_TRY(hkdf(state, NOTHING, out, sizeof out));
    memcpy(first, out, KEY_SIZE);
    memcpy(second, out + KEY_SIZE, KEY_SIZE);
    crypto_wipe(out, sizeof out);
    return PEER_OK;
}
