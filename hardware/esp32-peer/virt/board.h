#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What QEMU's virt machine has: a UART, a clock, an instruction counter, an off switch. */

/** Bytes that have arrived; at most `room`. */
size_t board_read(uint8_t *bytes, size_t room);

/** Waits until all is on the line. */
void board_write(const uint8_t *bytes, size_t size);

/** Since the start. */
uint64_t board_ms(void);

/** Instructions run, exact under `qemu-system-riscv32 -icount shift=0`. */
uint64_t board_instructions(void);

/** The deepest the stack has been, in bytes. */
size_t board_stack_used(void);

/** Most bytes of the heap that were in use at once. */
size_t board_heap_used(void);

_Noreturn void board_off(void);
