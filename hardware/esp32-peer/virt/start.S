# First instruction after reset, at 0x80000000: a stack, zeroed memory, main.
    .section .text.start
    .globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la sp, stack_top
    # What was never reached keeps this pattern, so the deepest use can be seen.
    la t0, stack_bottom
    li t1, 0xa5a5a5a5
1:  bgeu t0, sp, 2f
    sw t1, 0(t0)
    addi t0, t0, 4
    j 1b
2:  la t0, bss_start
    la t1, bss_end
3:  bgeu t0, t1, 4f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 3b
    # picolibc's errno lies in a thread's own memory; there is one thread.
4:  la tp, thread
    call main
5:  j 5b

    .section .bss
    .balign 16
thread: .space 64
