#pragma once

#include <stdint.h>

/** Trained histograms of docs/STEGO.md §7, as counts; a row begins at its first bin that occurs. */
enum { HISTOGRAM_BINS = 50, HISTOGRAM_ORIGIN = 24, HISTOGRAM_KINDS = 3, HISTOGRAM_GROUPS = 60 };

typedef struct {
    uint8_t first, size;
    uint16_t counts[HISTOGRAM_BINS];
} histogram_prior_t;

extern const histogram_prior_t HISTOGRAM_PRIOR[HISTOGRAM_GROUPS];
