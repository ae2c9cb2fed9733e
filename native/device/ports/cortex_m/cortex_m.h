/* cortex_m.h: what every Cortex-M has, and how the startup code finds what the linker script placed.
 *
 * Addresses: ARMv7-M Architecture Reference Manual (ARM DDI 0403E), B3.2 system control space, B3.3
 * SysTick, B3.4 NVIC; the same in ARMv6-M (ARM DDI 0419E) where that has them.
 */
#ifndef AMP_PORT_CORTEX_M_H
#define AMP_PORT_CORTEX_M_H

#include <stdint.h>

#define AMP_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define AMP_SYST_CSR AMP_REGISTER(0xE000E010u) /* ENABLE 1, TICKINT 2, CLKSOURCE 4 */
#define AMP_SYST_RVR AMP_REGISTER(0xE000E014u)
#define AMP_SYST_CVR AMP_REGISTER(0xE000E018u)
#define AMP_NVIC_ISER(n) AMP_REGISTER(0xE000E100u + 4u * ((n) / 32u))
#define AMP_NVIC_ICER(n) AMP_REGISTER(0xE000E180u + 4u * ((n) / 32u))
#define AMP_NVIC_BIT(n) (1u << ((n) % 32u))
#define AMP_SCB_AIRCR AMP_REGISTER(0xE000ED0Cu)
#define AMP_SCB_CPACR AMP_REGISTER(0xE000ED88u)

#define AMP_AIRCR_RESET 0x05FA0004u /* key, SYSRESETREQ */
#define AMP_SYST_COUNTS 0x1000000u  /* 24 bits */

static inline void amp_interrupts_off(void) {
    __asm__ volatile("cpsid i" ::: "memory");
}

static inline void amp_interrupts_on(void) {
    __asm__ volatile("cpsie i" ::: "memory");
}

/// Sleeps until an interrupt is pending, even one that cannot be taken now.
static inline void amp_wait_for_interrupt(void) {
    __asm__ volatile("dsb\n\twfi" ::: "memory");
}

static inline void amp_barrier(void) {
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

typedef void (*amp_handler)(void);

/// The vector table of a port with |count| interrupts, in section ".vectors".
#define AMP_VECTORS(count)                                                                         \
    const struct {                                                                                 \
        const uint32_t *stack;                                                                     \
        amp_handler reset;                                                                         \
        amp_handler exceptions[13];                                                                \
        amp_handler systick;                                                                       \
        amp_handler interrupts[count];                                                             \
    } amp_vectors __attribute__((section(".vectors"), used))

/// Exceptions 2 to 14: whatever comes there is a failure.
#define AMP_NO_EXCEPTIONS                                                                          \
    {amp_failed, amp_failed, amp_failed, amp_failed, amp_failed, amp_failed, amp_failed,           \
     amp_failed, amp_failed, amp_failed, amp_failed, amp_failed, amp_failed}

/// Of the linker script.
extern const uint32_t amp_stack_top[];

/// Where the processor starts: memory, then main().
_Noreturn void amp_start(void);

/// A fault, or an interrupt that nobody enabled: interrupts off, for ever. Only the watchdog ends it.
_Noreturn void amp_failed(void);

/// Of the port: called before main(), with memory not yet initialised.
void amp_port_quiet(void);

#endif
