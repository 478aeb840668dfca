#include "peer/handshake_state.h"

#include "peer/bytes.h"

typedef enum { END, E, S, EE, ES, SE, SS, PSK } token_t;

enum { TOKENS_MAX = 5, MESSAGES_MAX = 3 };

typedef struct {
    const char *protocol_name;
    bool knows_statics; /**< Pre-messages: → s, ← s. */
    bool has_psk;
    uint8_t messages;
    uint8_t tokens[MESSAGES_MAX][TOKENS_MAX + 1];
} pattern_t;

static const pattern_t TABLE[PATTERNS] = {
    [PATTERN_XX] = { "Noise_XX_25519_AESGCM_SHA256", false, false, 3,
                     { { E }, { E, EE, S, ES }, { S, SE } } },
    [PATTERN_XXPSK3] = { "Noise_XXpsk3_25519_AESGCM_SHA256", false, true, 3,
                         { { E }, { E, EE, S, ES }, { S, SE, PSK } } },
    [PATTERN_KKPSK0] = { "Noise_KKpsk0_25519_AESGCM_SHA256", true, true, 2,
                         { { PSK, E, ES, SS }, { E, EE, SE } } },
    [PATTERN_K] = { "Noise_K_25519_AESGCM_SHA256", true, false, 1, { { E, ES, SS } } },
};

static const pattern_t *pattern_of(const handshake_state_t *state)
{
    return &TABLE[state->pattern];
}

static peer_error_t mix_pre_messages(handshake_state_t *state)
{
    const uint8_t *own = state->static_keys.public_key, *remote = state->remote_static;

    if (!pattern_of(state)->knows_statics) return PEER_OK;
    PEER_TRY(mix_hash(&state->symmetric, state->is_initiator ? own : remote, KEY_SIZE));
    return mix_hash(&state->symmetric, state->is_initiator ? remote : own, KEY_SIZE);
}

peer_error_t handshake_start(handshake_state_t *state, const handshake_config_t *config)
{
    const pattern_t *pattern = &TABLE[config->pattern];

    if (pattern->knows_statics != (config->remote_static != NULL)) return PEER_ERROR_STATE;
    if (pattern->has_psk != (config->psk != NULL)) return PEER_ERROR_STATE;
    memset(state, 0, sizeof *state);
    state->pattern = config->pattern;
    state->is_initiator = config->is_initiator;
    state->static_keys = *config->static_keys;
    if (config->remote_static) memcpy(state->remote_static, config->remote_static, KEY_SIZE);
    if (config->psk) memcpy(state->psk, config->psk, KEY_SIZE);
    memcpy(state->ephemeral_keys.private_key, config->ephemeral_private, KEY_SIZE);
    PEER_TRY(crypto_public_key(&state->ephemeral_keys));
    PEER_TRY(symmetric_start(&state->symmetric, pattern->protocol_name));
    PEER_TRY(mix_hash(&state->symmetric, config->prologue.bytes, config->prologue.size));
    return mix_pre_messages(state);
}

bool handshake_is_finished(const handshake_state_t *state)
{
    return state->step >= pattern_of(state)->messages;
}

static bool is_turn_to_write(const handshake_state_t *state)
{
    return (state->step % 2 == 0) == state->is_initiator;
}

/** The first letter of a token is the initiator's key, the second the responder's. */
static peer_error_t mix_dh(handshake_state_t *state, token_t token)
{
    const bool initiator_ephemeral = token == EE || token == ES;
    const bool responder_ephemeral = token == EE || token == SE;
    const bool own_e = state->is_initiator ? initiator_ephemeral : responder_ephemeral;
    const bool remote_e = state->is_initiator ? responder_ephemeral : initiator_ephemeral;
    const key_pair_t *own = own_e ? &state->ephemeral_keys : &state->static_keys;
    uint8_t shared[KEY_SIZE];

    PEER_TRY(crypto_dh(own->private_key, remote_e ? state->remote_ephemeral : state->remote_static,
                       shared));
    const peer_error_t error = mix_key(&state->symmetric, shared, sizeof shared);
    crypto_wipe(shared, sizeof shared);
    return error;
}

/** With a psk, §9.2 also mixes every `e` into the key. */
static peer_error_t mix_ephemeral(handshake_state_t *state, const uint8_t key[KEY_SIZE])
{
    PEER_TRY(mix_hash(&state->symmetric, key, KEY_SIZE));
    if (!pattern_of(state)->has_psk) return PEER_OK;
    return mix_key(&state->symmetric, key, KEY_SIZE);
}

/** Writes what the token sends, at `out`, and returns how many bytes that were by `size`. */
static peer_error_t write_token(handshake_state_t *state, token_t token, uint8_t *out, size_t *size)
{
    const slice_t own_static = { state->static_keys.public_key, KEY_SIZE };

    *size = 0;
    switch (token) {
    case E:
        *size = KEY_SIZE;
        memcpy(out, state->ephemeral_keys.public_key, KEY_SIZE);
        return mix_ephemeral(state, out);
    case S:
        *size = KEY_SIZE + symmetric_overhead(&state->symmetric);
        return encrypt_and_hash(&state->symmetric, own_static, out);
    case PSK: return mix_key_and_hash(&state->symmetric, state->psk);
    default: return mix_dh(state, token);
    }
}

peer_error_t handshake_write(handshake_state_t *state, slice_t payload, uint8_t *out, size_t room,
                             size_t *size)
{
    size_t end = 0;

    if (handshake_is_finished(state) || !is_turn_to_write(state)) return PEER_ERROR_STATE;
    if (room < payload.size + HANDSHAKE_OVERHEAD_MAX) return PEER_ERROR_NO_ROOM;
    for (const uint8_t *token = pattern_of(state)->tokens[state->step]; *token != END; token++) {
        size_t written = 0;

        PEER_TRY(write_token(state, (token_t)*token, out + end, &written));
        end += written;
    }
    PEER_TRY(encrypt_and_hash(&state->symmetric, payload, out + end));
    *size = end + payload.size + symmetric_overhead(&state->symmetric);
    state->step++;
    return PEER_OK;
}

/** Reads what the token received from the front of `rest`. */
static peer_error_t read_token(handshake_state_t *state, token_t token, slice_t *rest)
{
    size_t size = 0;
    slice_t field;

    if (token == E) size = KEY_SIZE;
    if (token == S) size = KEY_SIZE + symmetric_overhead(&state->symmetric);
    if (rest->size < size) return PEER_ERROR_MALFORMED;
    field = (slice_t){ rest->bytes, size };
    rest->bytes += size;
    rest->size -= size;
    switch (token) {
    case E:
        memcpy(state->remote_ephemeral, field.bytes, KEY_SIZE);
        return mix_ephemeral(state, field.bytes);
    case S: return decrypt_and_hash(&state->symmetric, field, state->remote_static);
    case PSK: return mix_key_and_hash(&state->symmetric, state->psk);
    default: return mix_dh(state, token);
    }
}

peer_error_t handshake_read(handshake_state_t *state, slice_t message, uint8_t *payload,
                            size_t *payload_size)
{
    slice_t rest = message;

    if (handshake_is_finished(state) || is_turn_to_write(state)) return PEER_ERROR_STATE;
    for (const uint8_t *token = pattern_of(state)->tokens[state->step]; *token != END; token++) {
        PEER_TRY(read_token(state, (token_t)*token, &rest));
    }
    const size_t overhead = symmetric_overhead(&state->symmetric);
    if (rest.size < overhead) return PEER_ERROR_MALFORMED;
    PEER_TRY(decrypt_and_hash(&state->symmetric, rest, payload));
    *payload_size = rest.size - overhead;
    state->step++;
    return PEER_OK;
}

peer_error_t handshake_split(const handshake_state_t *state, uint8_t sending[KEY_SIZE],
                             uint8_t receiving[KEY_SIZE])
{
    if (!handshake_is_finished(state)) return PEER_ERROR_STATE;
    return state->is_initiator ? symmetric_split(&state->symmetric, sending, receiving)
                               : symmetric_split(&state->symmetric, receiving, sending);
}
