#include "peer/crypto.h"

#include <psa/crypto.h>

#include "peer/bytes.h"
#include "peer/x25519.h"

enum { NONCE_SIZE = 12 };

#define PSA_TRY(expression)                                      \
    do {                                                         \
        if ((expression) != PSA_SUCCESS) return PEER_ERROR_CRYPTO; \
    } while (0)

peer_error_t crypto_start(void)
{
    PSA_TRY(psa_crypto_init());
    return PEER_OK;
}

static psa_status_t import_key(psa_key_type_t type, psa_key_usage_t usage, psa_algorithm_t algorithm,
                               slice_t bytes, psa_key_id_t *key)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;

    psa_set_key_type(&attributes, type);
    psa_set_key_usage_flags(&attributes, usage);
    psa_set_key_algorithm(&attributes, algorithm);
    return psa_import_key(&attributes, bytes.bytes, bytes.size, key);
}

peer_error_t crypto_public_key(key_pair_t *keys)
{
    x25519_public_key(keys->public_key, keys->private_key);
    return PEER_OK;
}

bool crypto_is_public_key(const uint8_t key[KEY_SIZE])
{
    if (key[KEY_SIZE - 1] != 0x7F) return key[KEY_SIZE - 1] < 0x7F;
    for (int i = KEY_SIZE - 2; i > 0; i--) {
        if (key[i] != 0xFF) return true;
    }
    return key[0] < 0xED;
}

peer_error_t crypto_dh(const uint8_t private_key[KEY_SIZE], const uint8_t public_key[KEY_SIZE],
                       uint8_t shared[KEY_SIZE])
{
    static const uint8_t ZERO[KEY_SIZE];

    x25519(shared, private_key, public_key);
    return crypto_equal(shared, ZERO, KEY_SIZE) ? PEER_ERROR_UNAUTHENTICATED : PEER_OK;
}

static psa_status_t import_aes(const uint8_t key[KEY_SIZE], psa_key_usage_t usage, psa_key_id_t *id)
{
    return import_key(PSA_KEY_TYPE_AES, usage, PSA_ALG_GCM, (slice_t){ key, KEY_SIZE }, id);
}

peer_error_t crypto_seal(const uint8_t key[KEY_SIZE], uint64_t counter, slice_t ad,
                         slice_t plaintext, uint8_t *out)
{
    uint8_t nonce[NONCE_SIZE] = { 0 };
    psa_key_id_t id = 0;
    size_t size = 0;

    put_u64(nonce + 4, counter);
    PSA_TRY(import_aes(key, PSA_KEY_USAGE_ENCRYPT, &id));
    const psa_status_t status =
        psa_aead_encrypt(id, PSA_ALG_GCM, nonce, sizeof nonce, ad.bytes, ad.size, plaintext.bytes,
                         plaintext.size, out, plaintext.size + TAG_SIZE, &size);
    PSA_TRY(psa_destroy_key(id));
    return status == PSA_SUCCESS ? PEER_OK : PEER_ERROR_CRYPTO;
}

peer_error_t crypto_open(const uint8_t key[KEY_SIZE], uint64_t counter, slice_t ad,
                         slice_t ciphertext, uint8_t *out)
{
    uint8_t nonce[NONCE_SIZE] = { 0 };
    psa_key_id_t id = 0;
    size_t size = 0;

    if (ciphertext.size < TAG_SIZE) return PEER_ERROR_MALFORMED;
    put_u64(nonce + 4, counter);
    PSA_TRY(import_aes(key, PSA_KEY_USAGE_DECRYPT, &id));
    const psa_status_t status =
        psa_aead_decrypt(id, PSA_ALG_GCM, nonce, sizeof nonce, ad.bytes, ad.size, ciphertext.bytes,
                         ciphertext.size, out, ciphertext.size - TAG_SIZE, &size);
    PSA_TRY(psa_destroy_key(id));
    if (status == PSA_ERROR_INVALID_SIGNATURE) return PEER_ERROR_UNAUTHENTICATED;
    return status == PSA_SUCCESS ? PEER_OK : PEER_ERROR_CRYPTO;
}

peer_error_t crypto_hash(const slice_t *parts, size_t count, uint8_t hash[HASH_SIZE])
{
    psa_hash_operation_t operation = PSA_HASH_OPERATION_INIT;
    size_t size = 0;
    psa_status_t status = psa_hash_setup(&operation, PSA_ALG_SHA_256);

    for (size_t i = 0; i < count && status == PSA_SUCCESS; i++) {
        status = psa_hash_update(&operation, parts[i].bytes, parts[i].size);
    }
    if (status == PSA_SUCCESS) status = psa_hash_finish(&operation, hash, HASH_SIZE, &size);
    PSA_TRY(psa_hash_abort(&operation));
    return status == PSA_SUCCESS ? PEER_OK : PEER_ERROR_CRYPTO;
}

peer_error_t crypto_hmac(slice_t key, const slice_t *parts, size_t count, uint8_t mac[HASH_SIZE])
{
    psa_mac_operation_t operation = PSA_MAC_OPERATION_INIT;
    const psa_algorithm_t algorithm = PSA_ALG_HMAC(PSA_ALG_SHA_256);
    psa_key_id_t id = 0;
    size_t size = 0;

    PSA_TRY(import_key(PSA_KEY_TYPE_HMAC, PSA_KEY_USAGE_SIGN_MESSAGE, algorithm, key, &id));
    psa_status_t status = psa_mac_sign_setup(&operation, id, algorithm);
    for (size_t i = 0; i < count && status == PSA_SUCCESS; i++) {
        status = psa_mac_update(&operation, parts[i].bytes, parts[i].size);
    }
    if (status == PSA_SUCCESS) status = psa_mac_sign_finish(&operation, mac, HASH_SIZE, &size);
    PSA_TRY(psa_mac_abort(&operation));
    PSA_TRY(psa_destroy_key(id));
    return status == PSA_SUCCESS ? PEER_OK : PEER_ERROR_CRYPTO;
}

static psa_status_t hkdf_input(psa_key_derivation_operation_t *operation, slice_t secret,
                               slice_t salt, slice_t info)
{
    const struct {
        psa_key_derivation_step_t step;
        slice_t bytes;
    } inputs[] = { { PSA_KEY_DERIVATION_INPUT_SALT, salt },
                   { PSA_KEY_DERIVATION_INPUT_SECRET, secret },
                   { PSA_KEY_DERIVATION_INPUT_INFO, info } };
    psa_status_t status = psa_key_derivation_setup(operation, PSA_ALG_HKDF(PSA_ALG_SHA_256));

    for (size_t i = 0; i < 3 && status == PSA_SUCCESS; i++) {
        status = psa_key_derivation_input_bytes(operation, inputs[i].step, inputs[i].bytes.bytes,
                                                inputs[i].bytes.size);
    }
    return status;
}

peer_error_t crypto_hkdf(slice_t secret, slice_t salt, slice_t info, uint8_t *out, size_t size)
{
    psa_key_derivation_operation_t operation = PSA_KEY_DERIVATION_OPERATION_INIT;
    psa_status_t status = hkdf_input(&operation, secret, salt, info);

    if (status == PSA_SUCCESS) status = psa_key_derivation_output_bytes(&operation, out, size);
    PSA_TRY(psa_key_derivation_abort(&operation));
    return status == PSA_SUCCESS ? PEER_OK : PEER_ERROR_CRYPTO;
}

void crypto_wipe(void *secret, size_t size)
{
    volatile uint8_t *byte = secret;

    while (size-- > 0) *byte++ = 0;
}

int crypto_equal(const uint8_t *a, const uint8_t *b, size_t size)
{
    uint8_t difference = 0;

    for (size_t i = 0; i < size; i++) difference |= a[i] ^ b[i];
    return difference == 0;
}
