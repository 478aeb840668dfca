#pragma once

#include "peer/outbox.h"

/** A value that does not fit its place is left out. */
packed_reading_t packed_reading_of(const reading_t *reading);
reading_t reading_of(const packed_reading_t *packed);
