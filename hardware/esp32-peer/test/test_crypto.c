/*
 * Goal: the suite and the Noise engine compute what is published, and refuse what must be refused.
 * Method: the vectors that the TypeScript side passes; every message flipped, cut and out of turn.
 */
#define REPLAY_WINDOW_SIZE 1024u /* The vectors' window; the device's own is held to a model. */
#define replay_window_accept wide_window_accept
#include "../components/peer_core/src/replay_window.c"

#include "check.h"
#include "peer/handshake_state.h"
#include "peer/self_test.h"
#include "vectors.h"

static slice_t slice(const blob_t *blob)
{
    return (slice_t){ blob->data, blob->size };
}

static void check_bytes(const uint8_t *actual, const char *expected_hex, const char *name)
{
    const blob_t expected = unhex(expected_hex);
    CHECK(memcmp(actual, expected.data, expected.size) == 0, name);
}

static void test_x25519(void)
{
    for (size_t i = 0; i < COUNT(vectors_crypto_x25519); i++) {
        const char *name = vectors_crypto_x25519[i].source;
        const blob_t private_key = unhex(vectors_crypto_x25519[i].private);
        const blob_t remote = unhex(vectors_crypto_x25519[i].remote);
        key_pair_t keys;
        uint8_t shared[KEY_SIZE];

        memcpy(keys.private_key, private_key.data, KEY_SIZE);
        CHECK(crypto_public_key(&keys) == PEER_OK, name);
        check_bytes(keys.public_key, vectors_crypto_x25519[i].public, name);
        CHECK(crypto_dh(keys.private_key, remote.data, shared) == PEER_OK, name);
        check_bytes(shared, vectors_crypto_x25519[i].shared, name);
    }
    for (size_t i = 0; i < COUNT(vectors_crypto_low_order); i++) {
        const blob_t remote = unhex(vectors_crypto_low_order[i].value);
        const uint8_t private_key[KEY_SIZE] = { 8 };
        uint8_t shared[KEY_SIZE];

        CHECK(crypto_dh(private_key, remote.data, shared) == PEER_ERROR_UNAUTHENTICATED,
              vectors_crypto_low_order[i].value);
    }
}

static void test_aes_gcm(void)
{
    for (size_t i = 0; i < COUNT(vectors_crypto_aes_gcm); i++) {
        const char *name = vectors_crypto_aes_gcm[i].source;
        const blob_t key = unhex(vectors_crypto_aes_gcm[i].key), ad = unhex(vectors_crypto_aes_gcm[i].associated_data);
        const blob_t plaintext = unhex(vectors_crypto_aes_gcm[i].plaintext);
        blob_t sealed = unhex(vectors_crypto_aes_gcm[i].ciphertext);
        const uint64_t counter = strtoull(vectors_crypto_aes_gcm[i].counter, NULL, 10);
        uint8_t out[256];

        CHECK(crypto_seal(key.data, counter, slice(&ad), slice(&plaintext), out) == PEER_OK, name);
        CHECK(memcmp(out, sealed.data, sealed.size) == 0, name);
        CHECK(crypto_open(key.data, counter, slice(&ad), slice(&sealed), out) == PEER_OK, name);
        CHECK(memcmp(out, plaintext.data, plaintext.size) == 0, name);
        for (size_t bit = 0; bit < 8 * sealed.size; bit++) {
            sealed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            CHECK(crypto_open(key.data, counter, slice(&ad), slice(&sealed), out)
                      == PEER_ERROR_UNAUTHENTICATED, name);
            sealed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        sealed.size = TAG_SIZE - 1;
        CHECK(crypto_open(key.data, counter, slice(&ad), slice(&sealed), out)
                  == PEER_ERROR_MALFORMED, name);
    }
}

static void test_hashes(void)
{
    uint8_t out[64];

    for (size_t i = 0; i < COUNT(vectors_crypto_sha256); i++) {
        const blob_t data = unhex(vectors_crypto_sha256[i].data);
        const slice_t parts[] = { { data.data, data.size / 2 },
                                  { data.data + data.size / 2, data.size - data.size / 2 } };
        CHECK(crypto_hash(parts, 2, out) == PEER_OK, "sha256");
        check_bytes(out, vectors_crypto_sha256[i].output, vectors_crypto_sha256[i].source);
    }
    for (size_t i = 0; i < COUNT(vectors_crypto_hmac); i++) {
        const blob_t key = unhex(vectors_crypto_hmac[i].key), data = unhex(vectors_crypto_hmac[i].data);
        const slice_t part = slice(&data);
        CHECK(crypto_hmac(slice(&key), &part, 1, out) == PEER_OK, "hmac");
        check_bytes(out, vectors_crypto_hmac[i].output, vectors_crypto_hmac[i].source);
    }
    for (size_t i = 0; i < COUNT(vectors_crypto_hkdf); i++) {
        const blob_t secret = unhex(vectors_crypto_hkdf[i].secret), salt = unhex(vectors_crypto_hkdf[i].salt);
        const blob_t info = unhex(vectors_crypto_hkdf[i].info);
        const size_t size = strlen(vectors_crypto_hkdf[i].output) / 2;
        CHECK(crypto_hkdf(slice(&secret), slice(&salt), slice(&info), out, size) == PEER_OK, "hkdf");
        check_bytes(out, vectors_crypto_hkdf[i].output, vectors_crypto_hkdf[i].source);
    }
}

/** One published handshake; fields that a pattern does not have are empty. */
typedef struct {
    pattern_id_t pattern;
    const char *prologue, *psk, *messages, *hash;
    const char *statics[2], *ephemerals[2], *remote_statics[2];
} noise_case_t;

static void start_side(handshake_state_t *state, const noise_case_t *vector, int side)
{
    static const char ANY_KEY[] = "0101010101010101010101010101010101010101010101010101010101010101";
    const bool has_ephemeral = vector->ephemerals[side][0] != '\0';
    const blob_t prologue = unhex(vector->prologue), psk = unhex(vector->psk);
    const blob_t static_private = unhex(vector->statics[side]);
    const blob_t ephemeral = unhex(has_ephemeral ? vector->ephemerals[side] : ANY_KEY);
    const blob_t remote = unhex(vector->remote_statics[side]);
    key_pair_t keys;

    memcpy(keys.private_key, static_private.data, KEY_SIZE);
    CHECK(crypto_public_key(&keys) == PEER_OK, "static key");
    const handshake_config_t config = {
        .pattern = vector->pattern,
        .is_initiator = side == 0,
        .prologue = slice(&prologue),
        .static_keys = &keys,
        .ephemeral_private = ephemeral.data,
        .remote_static = remote.size > 0 ? remote.data : NULL,
        .psk = psk.size > 0 ? psk.data : NULL,
    };
    CHECK(handshake_start(state, &config) == PEER_OK, "start");
}

/** Every byte flipped and every length cut is refused, and a copy keeps the state as it was. */
static void check_refusals(const handshake_state_t *reader, slice_t message)
{
    uint8_t changed[512], payload[512];
    size_t size;

    for (size_t i = 0; i < message.size; i++) {
        handshake_state_t attempt = *reader;

        CHECK(handshake_read(&attempt, (slice_t){ message.bytes, i }, payload, &size) != PEER_OK
                  || (reader->pattern == PATTERN_XX && reader->step == 0), "cut");
        /* XX's first message authenticates nothing yet; what follows it does. */
        if (reader->pattern == PATTERN_XX && reader->step == 0) continue;
        memcpy(changed, message.bytes, message.size);
        changed[i] ^= 1;
        attempt = *reader;
        CHECK(handshake_read(&attempt, (slice_t){ changed, message.size }, payload, &size)
                  == PEER_ERROR_UNAUTHENTICATED, "flipped");
    }
}

static void run_handshake(const noise_case_t *vector)
{
    handshake_state_t sides[2];
    const char *at = vector->messages;
    uint8_t sending[2][KEY_SIZE], receiving[2][KEY_SIZE];

    start_side(&sides[0], vector, 0);
    start_side(&sides[1], vector, 1);
    for (int turn = 0; !handshake_is_finished(&sides[0]); turn = 1 - turn) {
        const blob_t payload = unhex(at), expected = unhex(strchr(at, ',') + 1);
        uint8_t message[512], opened[512];
        size_t size = 0, opened_size = 0;

        CHECK(handshake_read(&sides[turn], slice(&expected), opened, &size) == PEER_ERROR_STATE,
              "out of turn");
        CHECK(handshake_write(&sides[turn], slice(&payload), message, payload.size, &size)
                  == PEER_ERROR_NO_ROOM, "room");
        CHECK(handshake_write(&sides[turn], slice(&payload), message, sizeof message, &size)
                  == PEER_OK, "write");
        CHECK(size == expected.size && memcmp(message, expected.data, size) == 0, "as published");
        check_refusals(&sides[1 - turn], slice(&expected));
        CHECK(handshake_read(&sides[1 - turn], slice(&expected), opened, &opened_size) == PEER_OK,
              "read");
        CHECK(opened_size == payload.size && memcmp(opened, payload.data, opened_size) == 0,
              "payload");
        at = strchr(at, ';') + 1;
    }
    for (int side = 0; side < 2; side++) {
        CHECK(handshake_split(&sides[side], sending[side], receiving[side]) == PEER_OK, "split");
        check_bytes(sides[side].symmetric.transcript, vector->hash, "handshake hash");
    }
    /* The published messages go on into transport, counted from 0 in each direction. */
    const blob_t payload = unhex(at), expected = unhex(strchr(at, ',') + 1);
    const int turn = vector->pattern == PATTERN_K || vector->pattern == PATTERN_KKPSK0 ? 0 : 1;
    uint8_t out[512];
    CHECK(crypto_open(receiving[1 - turn], 0, (slice_t){ out, 0 }, slice(&expected), out) == PEER_OK,
          "transport");
    CHECK(memcmp(out, payload.data, payload.size) == 0, "transport");
    CHECK(memcmp(sending[0], receiving[1], KEY_SIZE) == 0, "keys");
}

/** Tables differ in their fields; these are the ones they share. */
#define NOISE_CASE(id, row, init_remote, resp_remote, psk_of, resp_ephemeral_of)         \
    (noise_case_t)                                                                       \
    {                                                                                    \
        .pattern = (id), .prologue = (row).init_prologue, .psk = (psk_of),               \
        .messages = (row).messages, .hash = (row).handshake_hash,                        \
        .statics = { (row).init_static, (row).resp_static },                             \
        .ephemerals = { (row).init_ephemeral, (resp_ephemeral_of) },                     \
        .remote_statics = { (init_remote), (resp_remote) },                              \
    }

static void test_noise(void)
{
    noise_case_t vector = NOISE_CASE(PATTERN_XX, vectors_noise_xx_vectors[0], "", "", "",
                                     vectors_noise_xx_vectors[0].resp_ephemeral);
    run_handshake(&vector);
    vector = NOISE_CASE(PATTERN_XXPSK3, vectors_noise_xxpsk3_vectors[0], "", "",
                        vectors_noise_xxpsk3_vectors[0].init_psks, vectors_noise_xxpsk3_vectors[0].resp_ephemeral);
    run_handshake(&vector);
    vector = NOISE_CASE(PATTERN_KKPSK0, vectors_noise_kkpsk0_vectors[0],
                        vectors_noise_kkpsk0_vectors[0].init_remote_static,
                        vectors_noise_kkpsk0_vectors[0].resp_remote_static,
                        vectors_noise_kkpsk0_vectors[0].init_psks, vectors_noise_kkpsk0_vectors[0].resp_ephemeral);
    run_handshake(&vector);
    vector = NOISE_CASE(PATTERN_K, vectors_noise_k_vectors[0], vectors_noise_k_vectors[0].init_remote_static,
                        vectors_noise_k_vectors[0].resp_remote_static, "", "");
    run_handshake(&vector);
}

static void test_replay_window(void)
{
    replay_window_t window = { 0 };

    for (size_t i = 0; i < COUNT(vectors_replay_window_steps); i++) {
        const bool accepted =
            replay_window_accept(&window, strtoull(vectors_replay_window_steps[i].counter, NULL, 10));
        CHECK(accepted == (strcmp(vectors_replay_window_steps[i].accept, "true") == 0),
              vectors_replay_window_steps[i].counter);
    }
}

static uint8_t kept[64];
static size_t kept_size, wrong_at = SIZE_MAX;

static bool load(void *context, const char *name, void *value, size_t size)
{
    (void)context, (void)name;
    if (size != kept_size) return false;
    memcpy(value, kept, size);
    if (wrong_at < size) ((uint8_t *)value)[wrong_at] ^= 1;
    return true;
}

static bool save(void *context, const char *name, const void *value, size_t size)
{
    (void)context, (void)name;
    memcpy(kept, value, size);
    kept_size = size;
    return true;
}

static bool erase(void *context, const char *name)
{
    (void)context, (void)name;
    kept_size = 0;
    return true;
}

static bool keep(void *context, const char *name)
{
    (void)context, (void)name;
    return true;
}

static void test_self_test(void)
{
    store_t store = { NULL, load, save, erase };

    CHECK(self_test(&store), "all is well");
    wrong_at = 5;
    CHECK(!self_test(&store), "a store that flips a bit");
    wrong_at = SIZE_MAX;
    store.erase = keep;
    CHECK(!self_test(&store), "a store that forgets nothing");
}

int main(void)
{
    CHECK(crypto_start() == PEER_OK, "start");
    test_x25519();
    test_aes_gcm();
    test_hashes();
    test_noise();
    test_replay_window();
    test_self_test();
    puts("crypto: ok");
    return 0;
}
