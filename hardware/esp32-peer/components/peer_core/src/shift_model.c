#include "shift_model.h"

#include <string.h>

#include "histogram_prior.h"

_Static_assert((int)SHIFT_GROUPS == (int)HISTOGRAM_GROUPS && (int)SHIFT_BINS == (int)HISTOGRAM_BINS,
               "the work area is laid out for the prior");
_Static_assert((int)SHIFT_KINDS == (int)HISTOGRAM_KINDS, "as is the order of groups");

enum {
    LEVELS = 20,
    LOWEST = -HISTOGRAM_ORIGIN,
    HIGHEST = HISTOGRAM_BINS - 1 - HISTOGRAM_ORIGIN,
    NOWHERE = 127, /* No bin: further out than any. */
    OWN_WEIGHT = 16,
    NEIGHBOUR_WEIGHT = 5,
};

void shift_model_start(hiding_t *work)
{
    memset(work->counts, 0, sizeof work->counts);
    memset(work->seen, 0, sizeof work->seen);
    memset(work->due, 0, sizeof work->due);
    for (int group = 0; group < HISTOGRAM_GROUPS; group++) {
        const histogram_prior_t *prior = &HISTOGRAM_PRIOR[group];

        for (unsigned i = 0; i < prior->size; i++) {
            work->counts[group][prior->first + i] = prior->counts[i];
        }
        work->up[group] = NOWHERE;
        work->down[group] = -NOWHERE;
    }
}

/** Bits less the price of changes, in 1/65536 of 1/16 bit. */
static int64_t worth(uint64_t carriers, uint64_t moved, uint64_t price)
{
    return (int64_t)(carriers * 65536) - (int64_t)((carriers / 2 + moved) * price);
}

void shift_model_decide(hiding_t *work, unsigned group, uint64_t price)
{
    const uint32_t *counts = work->counts[group] + HISTOGRAM_ORIGIN;
    int64_t best = 0, below_worth = 0;
    uint64_t ahead = 0, passed = counts[LOWEST];
    int below = -NOWHERE, up = NOWHERE, down = -NOWHERE;

    if (work->seen[group] < work->due[group]) return;
    work->due[group] = work->seen[group] + 32 + (work->seen[group] >> 3);
    for (int d = LOWEST + 1; d <= HIGHEST; d++) ahead += counts[d];
    /* The outermost bins hold all that lies further out, and cannot carry. */
    for (int d = LOWEST + 1; d < HIGHEST; d++) {
        ahead -= counts[d];
        const int64_t upwards = worth(counts[d], ahead, price);
        if (upwards + below_worth > best) {
            best = upwards + below_worth;
            up = d;
            down = below;
        }
        const int64_t downwards = worth(counts[d], passed, price);
        if (downwards > below_worth) {
            below = d;
            below_worth = downwards;
        }
        if (below_worth > best) {
            best = below_worth;
            up = NOWHERE;
            down = below;
        }
        passed += counts[d];
    }
    work->up[group] = (int8_t)up;
    work->down[group] = (int8_t)down;
}

void shift_model_learn(hiding_t *work, unsigned group, int d)
{
    const int bin = HISTOGRAM_ORIGIN + (d < LOWEST ? LOWEST : d > HIGHEST ? HIGHEST : d);

    work->counts[group][bin] += OWN_WEIGHT;
    work->seen[group]++;
    if (group >= HISTOGRAM_KINDS) work->counts[group - HISTOGRAM_KINDS][bin] += NEIGHBOUR_WEIGHT;
    if (group < HISTOGRAM_GROUPS - HISTOGRAM_KINDS) {
        work->counts[group + HISTOGRAM_KINDS][bin] += NEIGHBOUR_WEIGHT;
    }
}

unsigned shift_level_of(uint32_t noise)
{
    static const uint16_t THRESHOLDS[LEVELS - 1] = { 720,  900,  1125, 1406,  1758,  2197,  2747,
                                                     3433, 4292, 5364, 6706,  8382,  10478, 13097,
                                                     16371, 20464, 25580, 31975, 39969 };
    unsigned level = 0;

    while (level < LEVELS - 1 && noise > THRESHOLDS[level]) level++;
    return level;
}
