/* port.h: what a microcontroller has to bring so that the device library runs on it.
 *
 * A UART, a microsecond clock, a watchdog, why it started. A firmware is a main() that calls these
 * and device.h; a port is a folder of native/device/ports with these functions, the startup code and
 * the linker script, and nothing of the protocol. The whole of a main loop:
 *
 *     amp_port_begin(BAUD);
 *     config.boot_nonce = amp_port_boot_nonce();
 *     config.reset_cause = amp_port_reset_cause();
 *     amp_device_init(&device, &config, amp_port_now_us());
 *     amp_port_watchdog_begin(WATCHDOG_US);
 *     for (;;) {
 *         size = amp_port_read(bytes, sizeof bytes);
 *         amp_device_receive(&device, bytes, size, amp_port_now_us());
 *         amp_device_tick(&device, amp_port_now_us(), sensed);
 *         ... drive the outputs, read the sensors ...
 *         sent += amp_port_write(&out[sent], taken - sent);
 *         amp_port_watchdog_kick();
 *         amp_port_wait();
 *     }
 *
 * Interrupts belong to the port: it receives bytes in one and keeps them in a ring until they are
 * read. All calls come from the main loop, none from an interrupt, and amp_port_begin() is the
 * first. A watchdog that still runs after the reset it caused is off before main() is entered.
 */
#ifndef AMP_PORT_H
#define AMP_PORT_H

#include <stddef.h>
#include <stdint.h>

/// Start the processor's clock, the UART (8 data bits, no parity, 1 stop bit) at |baud| or the
/// nearest rate that the hardware has, and the microsecond clock. What a port cannot reach within
/// 2.5 % of it does not talk: the port's README names those rates.
/// Context: init; once.
void amp_port_begin(uint32_t baud);

/// Microseconds since amp_port_begin(). Never backward, never wraps. Its steps are the port's (1 to
/// 4 us).
/// Context: real-time. Progress: wait-free. The port keeps it whole while calls are less than the
/// time apart that its README names (seconds at least).
uint64_t amp_port_now_us(void);

/// Take up to |size| of the bytes that have come; returns how many, 0 when none has.
/// Context: real-time. Progress: bounded (|size|).
size_t amp_port_read(uint8_t *bytes, size_t size);

/// Hand over as many of |bytes| as the port takes now; returns how many, 0 when it is full. The rest
/// stays with the caller.
/// Context: real-time. Progress: bounded (|size|).
size_t amp_port_write(const uint8_t *bytes, size_t size);

/// Bytes that came and were lost before amp_port_read(), by a full ring or by an overrun that the
/// UART reported (one or more bytes count as one). Since boot; wraps.
/// Context: real-time. Progress: wait-free.
uint32_t amp_port_lost_bytes(void);

/// Start the watchdog: a main loop that does not kick it for |timeout_us|, or for the next longer
/// time that the hardware has, resets the processor. Where the hardware has no time as long, its
/// longest. It cannot be stopped again.
/// Context: init; once.
void amp_port_watchdog_begin(uint32_t timeout_us);

/// "The main loop goes round." Nothing before amp_port_watchdog_begin().
/// Context: real-time. Progress: wait-free. Only the main loop may call it: kicked from an interrupt
/// it would watch nothing.
void amp_port_watchdog_kick(void);

/// Why the processor started: enum amp_reset_cause of wire.h. The same answer until the next reset.
/// Context: any.
uint8_t amp_port_reset_cause(void);

/// A number that is another one after each reset, whatever caused it, so that a host sees that this
/// device has started again. What it is made of is named in each port's README.
/// Context: any. The same answer until the next reset.
uint32_t amp_port_boot_nonce(void);

/// Sleep until something may have happened: a byte came, the UART has room again, at most about a
/// millisecond passed. May return at once. Never sleeps while bytes wait to be read.
/// Context: the main loop. Progress: blocking, for about a millisecond at most.
void amp_port_wait(void);

/// Reset the processor: it starts again with the cause AMP_RESET_SOFTWARE. Until then, 16 ms where the
/// watchdog is the only way to it, the outputs stand as they stood.
/// Context: any.
_Noreturn void amp_port_reset(void);

#endif
