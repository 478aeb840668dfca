#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * Turns uptime into Unix time, once somebody told it. All zero: nobody has yet. Milliseconds in
 * 64 bits, so neither 2038 nor 2106 is an edge.
 */
typedef struct {
    bool is_synchronised;
    int64_t offset_ms; /**< Unix time − uptime. */
    uint64_t synchronised_at_ms; /**< Uptime of the last synchronisation. */
} device_clock_t;

/**
 * Takes a time from SNTP or a TIME payload; later ones win, also when they go backwards.
 *
 * @return false, and nothing changes, outside 2025 … 2199: such a time is no time.
 */
bool device_clock_synchronise(device_clock_t *clock, uint64_t unix_ms, uint64_t uptime_ms);

/** Whether somebody should be asked for the time: nobody told it, or not for a good minute. */
bool device_clock_is_due(const device_clock_t *clock, uint64_t uptime_ms);

/** Unix time, or 0 while nobody told. */
uint64_t device_clock_unix_ms(const device_clock_t *clock, uint64_t uptime_ms);
