#pragma once

#include "peer/histogram_shift.h"

/**
 * A cover that belongs to nobody: the Shepp-Logan head phantom with a sensor's noise, as
 * src/stego/phantom.ts draws it, but in integers. Another `seed`, another picture: a cover must
 * not be used twice.
 */
void phantom_draw(picture_t *picture, uint16_t width, uint16_t height, uint32_t seed);
