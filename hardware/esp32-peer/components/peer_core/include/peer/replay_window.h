#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifndef REPLAY_WINDOW_SIZE
#define REPLAY_WINDOW_SIZE 64u /**< Counters: a device keeps 64, PROTOCOL §8. */
#endif

/** Accepts each message counter once, in nearly any order, RFC 6479. All zero is a fresh window. */
typedef struct {
    uint64_t next;                                /**< One above the newest accepted counter. */
    uint64_t accepted[REPLAY_WINDOW_SIZE / 64];   /**< A ring: bit c % SIZE belongs to counter c. */
} replay_window_t;

/**
 * Records `counter` and returns whether it is new. Call only after the message authenticated:
 * otherwise a forger could push the window past honest messages. UINT64_MAX is never accepted.
 */
bool replay_window_accept(replay_window_t *window, uint64_t counter);
