/* The first 256 bytes of flash: the boot ROM copies them to SRAM, checks their CRC and starts them.
 *
 * They make the flash readable in place, by the plainest of its commands (03h: one wire, any flash), and
 * go on to the vector table behind them. RP2040 data sheet: 2.8.1.3 second stage, 4.10.13 SSI registers.
 * The CRC is CRC-32 with polynomial 04c11db7, first value ffffffff, nothing reflected or inverted; a
 * test reckons it again.
 */
    .syntax unified
    .cpu cortex-m0plus
    .thumb
    .section .boot2, "ax"
    .global amp_boot2
    .thumb_func
amp_boot2:
    ldr     r3, =0x18000000     /* SSI */
    movs    r1, #0
    str     r1, [r3, #0x08]     /* SSIENR: off while it is set up */
    movs    r1, #4
    str     r1, [r3, #0x14]     /* BAUDR: a quarter of the system's clock */
    ldr     r1, =0x001f0300     /* CTRLR0: one wire, 32 bits, command and address then data */
    str     r1, [r3, #0x00]
    movs    r1, #0
    str     r1, [r3, #0x04]     /* CTRLR1: one word at a time */
    ldr     r0, =0x180000f4     /* SPI_CTRLR0: 03h, 8 bits of command, 24 of address */
    ldr     r1, =0x03000218
    str     r1, [r0]
    movs    r1, #1
    str     r1, [r3, #0x08]
    ldr     r0, =0x10000100     /* the vector table */
    ldr     r1, =0xe000ed08     /* VTOR */
    str     r0, [r1]
    ldmia   r0!, {r1, r2}
    msr     msp, r1
    bx      r2
    .balign 4
    .ltorg
    .org    252
    .word   0x5173b336        /* CRC-32 of the 252 bytes before */
