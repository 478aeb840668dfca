#pragma once

#include "peer/store.h"

/** A store in RAM, for one run: what NVS is on the chip. */
store_t memory_store(void);
