#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "peer/senml.h"
#include "peer/store.h"

/**
 * How often the chip was started and why, kept in the store. After three crashes in a row it is in
 * safe mode: without sensors and network, so that it can be talked to.
 */

/** Counts this start, and fills in what `health` says of it. Returns whether it is in safe mode. */
bool life_start(const store_t *store, health_t *health);

/** Adds one to a counter that the store keeps, if it is due; returns it. */
uint32_t life_count(const char *name, bool is_due);

/**
 * Call often. A minute without a crash ends a streak of them, and confirms an image that is new;
 * safe mode ends after ten: what made it crash may have passed, and nobody need come.
 */
void life_go_on(uint64_t now_ms);
