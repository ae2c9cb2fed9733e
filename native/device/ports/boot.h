/* boot.h: what a port knows of its own start: why, and a number that no other start had.
 *
 * A record and a pool stand in RAM that the startup code leaves alone. The record survives every
 * reset but the loss of power: it counts the starts, and holds what the firmware knew was coming. The
 * pool is SRAM as it wakes up, which is noise after power-on. An emulator whose RAM wakes up as zeros
 * puts random words there instead (the first 64 bytes of RAM on a Cortex-M).
 *
 * The nonce is mixed from pool, count and what the chip has of entropy; after a reset without loss of
 * power it differs from the last one for sure, after a power-on but for chance (2^-32 with 32 bits of
 * noise in the pool).
 */
#ifndef AMP_PORT_BOOT_H
#define AMP_PORT_BOOT_H

#include <stdint.h>

#define AMP_BOOT_POOL_WORDS 16

#if defined(__AVR__)
#define AMP_KEPT __attribute__((section(".noinit")))
#else
#define AMP_KEPT __attribute__((noinit))
#endif

/// Of the port: its linker script places it, or its port.c defines it as AMP_KEPT.
extern uint32_t amp_boot_pool[AMP_BOOT_POOL_WORDS];

/// Once, first thing. |hardware_cause|: enum amp_reset_cause as the chip's registers have it;
/// UNKNOWN where they say nothing, as in an emulator without them: then what the record says counts,
/// with PIN for a reset that nobody announced. A watchdog's reset that was announced as a software
/// reset is one: some chips have no other way. |entropy|: whatever the chip has; 0: nothing.
void amp_boot_begin(uint8_t hardware_cause, uint32_t entropy);

/// The next reset will be for this cause, so far as is known; AMP_RESET_UNKNOWN takes it back.
/// From the main loop or an interrupt.
void amp_boot_expect(uint8_t cause);

uint8_t amp_boot_cause(void);
uint32_t amp_boot_nonce(void);

#endif
