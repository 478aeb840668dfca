#pragma once

#include "peer/crypto.h"
#include "peer/store.h"

/**
 * Whether this image can do what it is for, on this chip: known answers of every primitive, a
 * refusal where a tag is wrong, and a value that the store gives back. What an update must pass
 * before it is kept.
 */
bool self_test(const store_t *store);
