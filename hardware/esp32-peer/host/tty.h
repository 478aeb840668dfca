#pragma once

#include <stddef.h>
#include <stdint.h>

/** A serial line of this computer: a device file, or the near end of a pseudo terminal. */

/** Opens `path` raw and non-blocking. -1, with a sentence on stderr, if that fails. */
int tty_open(const char *path, unsigned baud);

/** Makes a pseudo terminal and writes the name of its far end. */
int tty_make(char *name, size_t room);

/** Reads what is there; 0 if nothing is, or nobody holds the far end. */
size_t tty_read(int tty, uint8_t *bytes, size_t room);

/** Writes what fits; what a line that nobody reads has no room for is lost, as on a wire. */
void tty_write(int tty, const uint8_t *bytes, size_t size);
