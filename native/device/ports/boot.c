#include "boot.h"

#include "amp/wire.h"

#define MAGIC 0xA3F10C57u

struct record {
    uint32_t magic;
    uint32_t count;
    uint32_t nonce;
    uint32_t check;
    volatile uint8_t expected; /* written by interrupts too: outside of the check */
};

static struct record record AMP_KEPT;
static uint8_t cause;

/* A bijection of 32 bits: equal pools and different counts never meet. */
static uint32_t mix(uint32_t x) {
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x ^= x >> 15;
    x *= 0x846CA68Bu;
    return x ^ (x >> 16);
}

static uint32_t check_of(const struct record *one) {
    return mix(one->magic ^ mix(one->count ^ mix(one->nonce)));
}

void amp_boot_begin(uint8_t hardware_cause, uint32_t entropy) {
    const bool kept = record.magic == MAGIC && record.check == check_of(&record);
    const uint8_t expected = record.expected;
    uint32_t pool = entropy;
    for (uint8_t i = 0; i < AMP_BOOT_POOL_WORDS; i++) {
        pool = mix(pool) + amp_boot_pool[i];
    }
    if (!kept) {
        /* The record itself woke up as noise. */
        pool = mix(pool) + mix(record.magic ^ mix(record.count ^ mix(record.nonce)));
        record.count = 0;
    }
    record.count++;
    const uint32_t nonce = mix(mix(pool) + record.count);
    record.nonce = kept && nonce == record.nonce ? nonce + 1u : nonce;
    record.magic = MAGIC;
    record.check = check_of(&record);
    record.expected = AMP_RESET_UNKNOWN;
    if (kept && hardware_cause == AMP_RESET_WATCHDOG && expected == AMP_RESET_SOFTWARE) {
        cause = AMP_RESET_SOFTWARE;
    } else if (hardware_cause != AMP_RESET_UNKNOWN) {
        cause = hardware_cause;
    } else if (!kept) {
        cause = AMP_RESET_POWER;
    } else {
        cause = expected != AMP_RESET_UNKNOWN ? expected : AMP_RESET_PIN;
    }
}

void amp_boot_expect(uint8_t next) {
    record.expected = next;
}

uint8_t amp_boot_cause(void) {
    return cause;
}

uint32_t amp_boot_nonce(void) {
    return record.nonce;
}
