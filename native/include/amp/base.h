/* base.h: the words every other header uses: time, error codes, fault codes, the cache line.
 *
 * No shared memory and no operating system here. Everything in amphost that has a number on the
 * outside (a fault in a report, an error from a call) has its number from this file.
 */
#ifndef AMP_BASE_H
#define AMP_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Nanoseconds on CLOCK_MONOTONIC, or a difference of two such times.
typedef int64_t amp_ns;

/// Bytes that two writers must not share. 64 on x86-64 and on the Raspberry Pi's cores.
#define AMP_CACHE_LINE 64

/// What a call returns, negated, when it refuses. 1 to 19: your fault. 20 to 39: the other side's.
/// 40 and above: no room, or the machine said no.
enum amp_error {
    AMP_OK = 0,
    AMP_EARG = 1,     /* an argument is out of the range its header states */
    AMP_ESTATE = 2,   /* the call does not fit the object's state */
    AMP_EFORMAT = 20, /* not a segment of ours: magic, ABI, byte order or word size differ */
    AMP_ESIZE = 21,   /* the segment's size is not the one its header or the plan states */
    AMP_ELAYOUT = 22, /* the layout hash differs: compare the two directories */
    AMP_ENONCE = 23,  /* a segment of another session */
    AMP_ENOTREADY = 24,
    AMP_EIO = 25, /* the descriptor reported hang-up or an input/output error */
    AMP_EROOM = 40,
    AMP_ESYS = 41, /* a system call failed; the platform keeps its errno */
};

/// Numbered faults. The number is the bit in a role's fault mask, so it stays below 64.
enum amp_fault {
    AMP_FAULT_NONE = 0,
    AMP_FAULT_INPUT_STALE = 1,      /* argument: index of the input */
    AMP_FAULT_INPUT_INVALID = 2,    /* not finite or out of range; argument: index of the input */
    AMP_FAULT_OUTPUT_INVALID = 3,   /* argument: index of the output */
    AMP_FAULT_OVERRUN = 4,          /* argument: execution time, ns */
    AMP_FAULT_BLACKOUT = 5,         /* argument: wakeup latency, ns */
    AMP_FAULT_SUSPEND = 6,          /* argument: suspended for, ns */
    AMP_FAULT_SUPERVISOR_LOST = 7,  /* argument: age of its heartbeat, ns */
    AMP_FAULT_LINK_LOST = 8,        /* argument: time without a valid frame, ns */
    AMP_FAULT_LINK_REFUSED = 9,     /* argument: enum amp_refusal of the session */
    AMP_FAULT_PORT = 10,            /* the port hung up; argument: enum amp_error */
    AMP_FAULT_DEVICE_REBOOT = 11,   /* argument: the device's new boot nonce */
    AMP_FAULT_DEVICE_SAFE = 12,     /* the device de-energised by itself; argument: its reason */
    AMP_FAULT_ASSERT = 13,          /* argument: line */
    AMP_FAULT_HEARTBEAT = 14,       /* a role's heartbeat stopped; argument: role id */
    AMP_FAULT_ROLE_DIED = 15,       /* argument: role id */
    AMP_FAULT_ESTOP = 16,           /* argument: who asked */
    AMP_FAULT_CHANNEL = 17,         /* header or index out of its bounds; argument: role id */
    AMP_FAULT_ARM_REFUSED = 18,     /* the device did not take ARM; argument: enum amp_result */
    AMP_FAULT_DEVICE_ISOLATED = 19, /* it babbled; argument: enum amp_isolation of pump.h */
    AMP_FAULT_COUNT = 20,
};

/// System modes; `amphost.lifecycle` has their table. DISARMED is the mode in which nothing moves.
enum amp_mode {
    AMP_MODE_BOOT = 0,
    AMP_MODE_DISARMED = 1,
    AMP_MODE_ARMED = 2,
    AMP_MODE_SAFE = 3,
};

/// Stop the process because of a programmer's error: |condition| was false at |file|:|line|.
/// Calls the function set by amp_assert_set_last_words(), which may only store, then says so on
/// stderr, which may block, then abort().
/// Context: any.
_Noreturn void amp_assert_fail(const char *file, int line);

/// Set what a process does before it aborts on a failed assertion; NULL for nothing.
/// Context: init.
void amp_assert_set_last_words(void (*last_words)(void *context, int line), void *context);

#define AMP_ASSERT(condition) ((condition) ? (void)0 : amp_assert_fail(__FILE__, __LINE__))

#endif
