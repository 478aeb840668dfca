#include "peer/device_clock.h"

static const uint64_t YEAR_2025_MS = UINT64_C(1735689600000);
static const uint64_t YEAR_2200_MS = UINT64_C(7258118400000);

/* Later than SNTP, which sets it every 60 s where there is a network, so that it goes first. */
enum { DUE_AFTER_MS = 65 * 1000 };

bool device_clock_is_due(const device_clock_t *clock, uint64_t uptime_ms)
{
    return !clock->is_synchronised || uptime_ms - clock->synchronised_at_ms >= DUE_AFTER_MS;
}

bool device_clock_synchronise(device_clock_t *clock, uint64_t unix_ms, uint64_t uptime_ms)
{
    if (unix_ms < YEAR_2025_MS || unix_ms >= YEAR_2200_MS || uptime_ms >= YEAR_2200_MS) return false;
    clock->offset_ms = (int64_t)unix_ms - (int64_t)uptime_ms;
    clock->synchronised_at_ms = uptime_ms;
    clock->is_synchronised = true;
    return true;
}

uint64_t device_clock_unix_ms(const device_clock_t *clock, uint64_t uptime_ms)
{
    return clock->is_synchronised ? (uint64_t)((int64_t)uptime_ms + clock->offset_ms) : 0;
}
