/* watch_rig.h: a supervisor's watchdog in virtual time: four roles that beat until they are told not
 * to, an operator's channel of three words, act 5 armed.
 */
#ifndef AMP_TESTS_WATCH_RIG_H
#define AMP_TESTS_WATCH_RIG_H

#include <math.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "../src/layout.h"
#include "amp/watch.h"
#include "check.h"
#include "virtual_platform.h"

#define MS ((amp_ns)1000000)
#define START ((amp_ns)5000000000)
#define BOUND (20 * MS)
#define ROLES 4

static struct virtual_platform machine;
static struct amp_system blank_system;
static struct amp_owner supervisor;
static struct amp_owner roles[ROLES];
static alignas(AMP_CACHE_LINE) unsigned char bytes[8192];
static struct amp_channel channel;
static struct amp_watch *watch;
static bool beats[ROLES];

static inline void open_channel(uint32_t words) {
    memset(bytes, 0, sizeof bytes);
    CHECK(amp_channel_bind(&channel, bytes, sizeof bytes, words, 8) == 0);
    amp_channel_attach(&channel, 1);
}

static inline void allocate(void) {
    free(watch);
    watch = aligned_alloc(16, (amp_watch_size() + 15) / 16 * 16);
    CHECK(watch != NULL);
    memset(watch, 0x5a, amp_watch_size()); /* init clears what it needs */
    memset(&blank_system, 0, sizeof blank_system);
    memset(&supervisor, 0, sizeof supervisor);
    memset(roles, 0, sizeof roles);
    virtual_open(&machine, START);
}

/* Roles 1 to 4 are watched, with bounds of 20, 40, 60 and 80 ms; act 5 is armed. */
static inline void open_watch(void) {
    allocate();
    open_channel(3);
    CHECK(amp_watch_init(watch, &machine.platform, &blank_system, &supervisor, &channel, MS,
                         10 * MS) == 0);
    for (uint32_t i = 0; i < ROLES; i++) {
        CHECK(amp_watch_add_role(watch, 1 + i, &roles[i], BOUND * (i + 1)) == 0);
        beats[i] = true;
    }
    amp_system_set_mode(&blank_system, AMP_MODE_ARMED, 5);
}

static inline void pass(void) {
    machine.now_ns += MS;
    for (uint32_t i = 0; i < ROLES; i++) {
        if (beats[i]) {
            amp_owner_beat(&roles[i], AMP_AT_WAIT, machine.now_ns);
        }
    }
    amp_watch_pass(watch, machine.now_ns);
}

static inline void passes(int times) {
    for (int i = 0; i < times; i++) {
        pass();
    }
}

static inline bool tripped(uint32_t *role) {
    enum amp_fault fault = AMP_FAULT_NONE;
    const bool latched = amp_system_tripped(&blank_system, 5, &fault, role);
    CHECK(!latched || fault == AMP_FAULT_HEARTBEAT);
    return latched;
}

static union {
    struct amp_sample sample;
    uint64_t words[3 + 3];
} last;

static inline double value(uint32_t index) {
    double real;
    CHECK(amp_channel_latest(&channel, &last.sample, NULL) == AMP_READ_VALUE);
    memcpy(&real, &last.sample.words[index], sizeof real);
    return real;
}

static inline bool is(double a, double b) {
    return fabs(a - b) < 1e-9;
}

#endif
