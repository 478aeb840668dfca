#pragma once

#include "peer/histogram_shift.h"

/**
 * Which bins of a group carry, docs/STEGO.md §7; the twin of shift-model.ts. Its state lies in the
 * work area: counts, what was learnt, and for each group the bin that carries upwards and the one
 * that carries downwards.
 */
enum { SHIFT_KINDS = 3 };

/** The state that every layer begins with. */
void shift_model_start(hiding_t *work);

/** Brings `up` and `down` of the group up to date, if enough was learnt since. */
void shift_model_decide(hiding_t *work, unsigned group, uint64_t price);

/** Counts a cover sample `d` steps from its base. */
void shift_model_learn(hiding_t *work, unsigned group, int d);

/** @param noise  In 1/1600 steps. */
unsigned shift_level_of(uint32_t noise);
