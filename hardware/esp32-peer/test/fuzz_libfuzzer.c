/* Gives one target to libFuzzer: -DTARGET=\"frame\". */
#include "check.h"
#include "fuzz_targets.h"
#include "peer/crypto.h"

static const fuzz_target_t *target;

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count, (void)arguments;
    CHECK(crypto_start() == PEER_OK, "start");
    for (size_t i = 0; i < FUZZ_TARGETS_COUNT; i++) {
        if (strcmp(FUZZ_TARGETS[i].name, TARGET) == 0) target = &FUZZ_TARGETS[i];
    }
    CHECK(target != NULL, TARGET);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size <= FUZZ_INPUT_SIZE_MAX) target->run(bytes, size);
    return 0;
}
