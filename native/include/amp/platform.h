/* platform.h: everything the native code asks of an operating system, passed in as a table.
 *
 * The loop, the pump and the loopback device see only `struct amp_platform`, so the same code runs
 * under the real clock and in virtual time. src/platform_linux.c fills the table; the files of src/
 * whose names end in _linux are the only ones of the library that include an operating system's
 * headers, but for the self-test and its threads. The set-up calls below are used before anything is
 * real-time.
 */
#ifndef AMP_PLATFORM_H
#define AMP_PLATFORM_H

#include "amp/base.h"

/// What amp_platform.poll found ready, or is asked to look for.
#define AMP_POLL_READ 1
#define AMP_POLL_WRITE 2
#define AMP_POLL_ERROR 4 /* hang-up or error: never asked for, always reported */
/// Descriptors that one poll waits for at most.
#define AMP_POLLED_MAX 16

struct amp_polled {
    int descriptor; /* negative: nothing is ever ready */
    int want;       /* AMP_POLL_* */
    int ready;      /* what was found */
};

/// Clock and byte streams. Times are CLOCK_MONOTONIC, in ns. Every function may be called from the
/// real-time context of the loop that owns |context|.
struct amp_platform {
    void *context;
    /// Now. Progress: wait-free (vDSO).
    amp_ns (*now)(void *context);
    /// Time since boot, suspend included (CLOCK_BOOTTIME). Progress: wait-free.
    amp_ns (*boottime)(void *context);
    /// Sleep until |deadline|, absolute. Progress: blocking; this is the loop's one system call.
    void (*sleep_until)(void *context, amp_ns deadline);
    /// Wait for |count| descriptors, at most AMP_POLLED_MAX, until |deadline|; returns how many are
    /// ready, 0 at the deadline, and sets |ready| of each. Progress: blocking; one system call.
    int (*poll)(void *context, struct amp_polled *polled, uint32_t count, amp_ns deadline);
    /// Read or write what is possible at once. Returns bytes; 0 when nothing is; -AMP_EIO when the
    /// other end is gone. A read may say 0 for that too, as of a line that was hung up or a socket
    /// that was closed: |poll| tells them apart. A write to a closed socket raises SIGPIPE: whoever
    /// writes to one ignores it, as Python does. Progress: wait-free (non-blocking descriptor).
    int (*read)(void *context, int descriptor, uint8_t *bytes, size_t room);
    int (*write)(void *context, int descriptor, const uint8_t *bytes, size_t size);
};

/// Linux: real clocks, real descriptors. Context: init.
const struct amp_platform *amp_platform_linux(void);

/// The same, for one thread that polls lines: a tty is looked at only when something has come.
/// Linux's poll of a tty that is empty waits until whatever is on its way to it has arrived, and that
/// is carried by a thread of Linux that has no priority: on a busy machine the poll of a real-time thread
/// comes back tens of ms after its deadline. |poll| says AMP_POLL_READ until a read finds less than it
/// has room for. A descriptor that was closed must be missing from one poll before its number stands
/// for another one. Each call begins anew, with no
/// descriptor known. Context: init.
const struct amp_platform *amp_platform_linux_edges(void);

/// The same, for a loop that reads on its own grid and never polls: |read| asks first how much is
/// there, since a read of an empty tty waits as its poll does. It says 0 for a line whose other end
/// is gone. Context: init.
const struct amp_platform *amp_platform_linux_unpolled(void);

/// The errno behind the last -AMP_ESYS of this thread. Context: any.
int amp_platform_errno(void);

/* Set-up. Context: init, all of them. They return 0 (or a descriptor) or -AMP_ESYS. */

/// A sealed memfd of |size| bytes, whole pages: close-on-exec, not executable where Linux has that
/// seal, never to shrink or grow.
int amp_platform_memfd(const char *name, size_t size);

/// Map |descriptor|, every page of it at once, so that no fault comes later; a fork does not inherit
/// the mapping. The descriptor's size must be |size| and its seals must stand: else -AMP_ESIZE.
int amp_platform_map(int descriptor, size_t size, bool writable, void **base);
int amp_platform_unmap(void *base, size_t size);

/// Read |descriptor| from its beginning to its end, leaving its position alone. -AMP_EROOM if it
/// holds more than |room| bytes.
int amp_platform_read_text(int descriptor, char *out, size_t room, size_t *length);

/// Lock this process's memory, now and later, without touching what was never used
/// (MCL_ONFAULT), and touch |stack_bytes| of stack, at most 256 KiB.
int amp_platform_lock_memory(size_t stack_bytes);

/// Read every page of the code that a loop runs, the C library's included: a page that is first
/// looked at in some later period would cost that period a fault. |also| is an address in one more
/// library, or NULL.
void amp_platform_touch_code(const void *also);

/// Timer slack of this thread: set, and read back.
int amp_platform_set_timer_slack(uint64_t slack_ns);
uint64_t amp_platform_timer_slack(void);

/// Name of this process in ps and top, at most 15 bytes.
int amp_platform_set_name(const char *name);

/// Have this process killed by signal |number| as soon as the thread that started it is gone.
int amp_platform_die_with_parent(int number);

/// A thread of this process: pinned to |core| (-1: not), SCHED_FIFO |priority| (0: as it comes), on a
/// small locked stack. |granted_priority| gets what it really runs at.
int amp_platform_thread_start(void (*run)(void *argument), void *argument, int core, int priority,
                              int *granted_priority);
/// Sleep while the shared word at |word| is |expected|, at most |most|. Returns false when a signal
/// came; true otherwise, woken or not: look again. Context: any, not real-time.
bool amp_platform_futex_wait(const uint32_t *word, uint32_t expected, amp_ns most);
/// Wake every process that sleeps on |word|, which may be mapped read-only. Context: any, not
/// real-time.
void amp_platform_futex_wake(const uint32_t *word);

/// Wait for the one thread started above.
int amp_platform_thread_join(void);

#endif
