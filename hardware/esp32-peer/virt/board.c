#include "board.h"

#include <stdlib.h>

enum { LINE_STATUS = 5, HAS_BYTE = 0x01, HAS_ROOM = 0x20, FIFO_CONTROL = 2, FIFO_ON = 0x07 };
enum { TICKS_A_MS = 10 * 1000 };

static volatile uint8_t *const UART = (volatile uint8_t *)0x10000000;
static volatile uint32_t *const OFF = (volatile uint32_t *)0x00100000;
static volatile uint32_t *const TIME_LOW = (volatile uint32_t *)0x0200bff8;
static volatile uint32_t *const TIME_HIGH = (volatile uint32_t *)0x0200bffc;

extern uint32_t stack_bottom[], stack_top[];

size_t board_read(uint8_t *bytes, size_t room)
{
    size_t size = 0;

    while (size < room && (UART[LINE_STATUS] & HAS_BYTE) != 0) bytes[size++] = UART[0];
    return size;
}

void board_write(const uint8_t *bytes, size_t size)
{
    UART[FIFO_CONTROL] = 1;
    for (size_t i = 0; i < size; i++) {
        while ((UART[LINE_STATUS] & HAS_ROOM) == 0) continue;
        UART[0] = bytes[i];
    }
}

uint64_t board_ms(void)
{
    uint32_t high, low;

    do {
        high = *TIME_HIGH;
        low = *TIME_LOW;
    } while (high != *TIME_HIGH);
    return ((uint64_t)high << 32 | low) / TICKS_A_MS;
}

uint64_t board_instructions(void)
{
    uint32_t high, low, again;

    do {
        __asm__ volatile("csrr %0, minstreth" : "=r"(high));
        __asm__ volatile("csrr %0, minstret" : "=r"(low));
        __asm__ volatile("csrr %0, minstreth" : "=r"(again));
    } while (high != again);
    return (uint64_t)high << 32 | low;
}

size_t board_stack_used(void)
{
    const uint32_t *word = stack_bottom;

    while (word < stack_top && *word == 0xa5a5a5a5) word++;
    return (size_t)(stack_top - word) * sizeof *word;
}

_Noreturn void board_off(void)
{
    for (;;) *OFF = 0x5555;
}

/* The crypto library's memory, counted: each piece carries its size in front. */

static size_t used, most;

void *board_calloc(size_t count, size_t size)
{
    size_t *piece = size != 0 && count > SIZE_MAX / 2 / size ? NULL : calloc(1, count * size + 8);

    if (piece == NULL) return NULL;
    *piece = count * size;
    used += *piece;
    if (used > most) most = used;
    return piece + 2;
}

void board_free(void *memory)
{
    if (memory == NULL) return;
    size_t *piece = (size_t *)memory - 2;
    used -= *piece;
    free(piece);
}

size_t board_heap_used(void)
{
    return most;
}
