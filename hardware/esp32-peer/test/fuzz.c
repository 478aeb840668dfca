/*
 * Goal: what once made a decoder fail does so never again, and a little more than that.
 * Method: each file of corpus/TARGET into its target as it is, then mutated by a seed. What looks
 * further is libFuzzer, by fuzz.sh, on the same targets and corpus.
 *
 *     build/fuzz ROUNDS [SEED]
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>

#include "check.h"
#include "fuzz_targets.h"
#include "peer/crypto.h"

enum { FILES_MAX = 512 };

typedef struct {
    size_t count;
    blob_t files[FILES_MAX];
} corpus_t;

static uint32_t seed = 1;

static uint32_t random_below(uint32_t bound)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * bound >> 32);
}

static void read_corpus(const char *target, corpus_t *corpus)
{
    char path[512];

    snprintf(path, sizeof path, "corpus/%s", target);
    DIR *folder = opendir(path);
    CHECK(folder != NULL, path);
    corpus->count = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        CHECK(corpus->count < FILES_MAX, path);
        snprintf(path, sizeof path, "corpus/%s/%s", target, entry->d_name);
        FILE *file = fopen(path, "rb");
        CHECK(file != NULL, path);
        blob_t *blob = &corpus->files[corpus->count++];
        blob->size = fread(blob->data, 1, FUZZ_INPUT_SIZE_MAX, file);
        fclose(file);
    }
    closedir(folder);
    CHECK(corpus->count > 0, path);
}

static void mutate(blob_t *blob)
{
    for (uint32_t changes = random_below(5); changes > 0 && blob->size > 0; changes--) {
        const uint32_t at = random_below((uint32_t)blob->size), how = random_below(4);

        if (how == 0) blob->data[at] ^= (uint8_t)(1u << random_below(8));
        if (how == 1) blob->data[at] = (uint8_t)random_below(256);
        if (how == 2) blob->size = at;
        if (how == 3 && blob->size < FUZZ_INPUT_SIZE_MAX) {
            memmove(blob->data + at + 1, blob->data + at, blob->size - at);
            blob->size++;
        }
    }
}

/** Exactly as large as the input, so that the sanitizer watches its end. */
static void run(const fuzz_target_t *target, const blob_t *blob)
{
    uint8_t *exact = malloc(blob->size + 1);

    CHECK(exact != NULL, "memory");
    memcpy(exact, blob->data, blob->size);
    target->run(exact, blob->size);
    free(exact);
}

int main(int count, char **arguments)
{
    static corpus_t corpus;
    static blob_t blob;
    const unsigned long rounds = count > 1 ? strtoul(arguments[1], NULL, 10) : 20000;

    if (count > 2) seed = (uint32_t)strtoul(arguments[2], NULL, 10);
    CHECK(crypto_start() == PEER_OK, "start");
    for (size_t i = 0; i < FUZZ_TARGETS_COUNT; i++) {
        const fuzz_target_t *target = &FUZZ_TARGETS[i];

        read_corpus(target->name, &corpus);
        for (size_t file = 0; file < corpus.count; file++) run(target, &corpus.files[file]);
        for (unsigned long round = 0; round < rounds / FUZZ_TARGETS_COUNT; round++) {
            blob = corpus.files[random_below((uint32_t)corpus.count)];
            mutate(&blob);
            run(target, &blob);
        }
        printf("fuzz %s: ok, %zu files and %lu rounds\n", target->name, corpus.count,
               rounds / FUZZ_TARGETS_COUNT);
    }
    return 0;
}
