/* segment.h: one role's shared memory: a header page, the owner block, then its channels.
 *
 * A segment is one sealed memfd. Its role maps it read-write, everybody else read-only, so the MMU
 * enforces that each word has one writer (against accidents and bugs: the same user can reopen a
 * memfd through /proc). The supervisor formats it before any role starts and keeps it, so that a
 * successor finds what its predecessor published.
 *
 *     offset 0        header, then the directory: the layout in plain text
 *     page 1          owner block: heartbeat, faults, counters, histograms (stats.h)
 *     then            in the supervisor's segment only, the system block (below)
 *     then            the channels, each starting on a cache line
 */
#ifndef AMP_SEGMENT_H
#define AMP_SEGMENT_H

#include "amp/base.h"

#define AMP_ABI_MAJOR 1
#define AMP_ABI_MINOR 0
/// Roles that one system may have, the supervisor (role 0) included.
#define AMP_ROLES_MAX 32
/// Bytes of the owner block and of the system block, each starting on a page.
#define AMP_OWNER_SIZE 65536
#define AMP_SYSTEM_SIZE 4096
/// Where the directory starts, and the most bytes it may have (4 KiB pages hold it).
#define AMP_DIRECTORY_OFFSET 128
#define AMP_DIRECTORY_MAX 3968

/// What identifies a segment; both sides must agree on all of it.
struct amp_segment_identity {
    uint64_t size;        /* bytes, whole pages */
    uint64_t layout_hash; /* over the directory text */
    uint64_t nonce;       /* of the session: segments are re-created together or not at all */
    uint32_t role;        /* [0, AMP_ROLES_MAX) */
    uint32_t page_size;   /* sysconf(_SC_PAGESIZE): 16384 on a Pi 5's stock kernel */
};

/// Write header and directory into zeroed memory at |base| and mark it ready.
/// |directory| is |length| bytes of text without a NUL. Returns 0, -AMP_EARG or -AMP_EROOM.
/// Context: init.
int amp_segment_format(void *base, const struct amp_segment_identity *identity,
                       const char *directory, size_t length, amp_ns now);

/// Compare what is mapped at |base| (|identity->size| bytes of it) with |identity|.
/// Trusts nothing in it. Returns 0, -AMP_ENOTREADY, -AMP_EFORMAT, -AMP_ESIZE, -AMP_ELAYOUT or
/// -AMP_ENONCE.
/// Context: init.
int amp_segment_check(const void *base, const struct amp_segment_identity *identity);

/// Copy the directory's text; returns its length, 0 if it is not plausible or more than |room|.
/// Context: init.
size_t amp_segment_directory(const void *base, char *out, size_t room);

/// The owner block, for stats.h; NULL is never returned.
/// Context: any.
struct amp_owner *amp_segment_owner(void *base, uint32_t page_size);

/// The system block of the supervisor's segment.
/// Context: any.
struct amp_system *amp_segment_system(void *base, uint32_t page_size);

/* The system block. Written by the supervisor only; each word below has one writing thread. */

/// What the supervisor wants of a role.
enum amp_wanted {
    AMP_WANTED_RUN = 0,
    AMP_WANTED_END = 1, /* finish: outputs to safe, then leave */
};

/// States of a role; `amphost.lifecycle` has their table.
enum amp_role_state {
    AMP_ROLE_ABSENT = 0,
    AMP_ROLE_STARTING = 1,
    AMP_ROLE_RUNNING = 2,
    AMP_ROLE_ENDING = 3,
    AMP_ROLE_ENDED = 4,
    AMP_ROLE_DEAD = 5,
};

/// Set mode and arming in one store. |arming| counts explicit acts of arming, [0, 2^48).
/// Context: any. One writer: the supervisor's main thread.
void amp_system_set_mode(struct amp_system *system, enum amp_mode mode, uint64_t arming);

/// The mode; |arming|, which may be NULL, gets the act of arming it belongs to.
/// Context: real-time. Progress: wait-free.
enum amp_mode amp_system_mode(const struct amp_system *system, uint64_t *arming);

/// The e-stop word: latch |fault| of |role| for arming |arming|. Loops go safe in their next period.
/// It counts only for that act of arming and those before it: a new act starts with a clear word.
/// A word that is latched for |arming| already stays: the first fault is the one to know.
/// Context: real-time. One writer: the watchdog thread.
void amp_system_trip(struct amp_system *system, uint64_t arming, enum amp_fault fault,
                     uint32_t role);

/// The e-stop word as stored by amp_system_trip(): true when it is latched for |arming|.
/// |fault| and |role| may be NULL.
/// Context: real-time. Progress: wait-free.
bool amp_system_tripped(const struct amp_system *system, uint64_t arming, enum amp_fault *fault,
                        uint32_t *role);

/// Write a line of the role table.
/// Context: any. One writer: the supervisor's main thread.
void amp_system_set_role(struct amp_system *system, uint32_t role, enum amp_role_state state,
                         uint32_t pid, uint32_t epoch, enum amp_wanted wanted);

/// Read parts of the role table.
/// Context: real-time. Progress: wait-free.
enum amp_wanted amp_system_wanted(const struct amp_system *system, uint32_t role);
enum amp_role_state amp_system_role_state(const struct amp_system *system, uint32_t role);
uint32_t amp_system_role_pid(const struct amp_system *system, uint32_t role);
uint32_t amp_system_role_epoch(const struct amp_system *system, uint32_t role);

#endif
