#include "cortex_m.h"

extern const uint32_t amp_data_from[];
extern uint32_t amp_data_begin[];
extern uint32_t amp_data_end[];
extern uint32_t amp_bss_begin[];
extern uint32_t amp_bss_end[];

int main(void);

_Noreturn void amp_start(void) {
    amp_port_quiet();
    const uint32_t *from = amp_data_from;
    for (uint32_t *to = amp_data_begin; to < amp_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = amp_bss_begin; to < amp_bss_end; to++) {
        *to = 0;
    }
#if defined(__ARM_FP)
    AMP_SCB_CPACR |= 0xFu << 20; /* coprocessors 10 and 11: the FPU */
    amp_barrier();
#endif
    (void)main();
    amp_failed();
}

_Noreturn void amp_failed(void) {
    amp_interrupts_off();
    for (;;) {
    }
}
