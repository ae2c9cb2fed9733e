/* watch.h: the supervisor's native watchdog thread: judges heartbeats, publishes operator values.
 *
 * It watches progress, not existence: a role whose heartbeat count has not moved for its bound is
 * tripped in the e-stop word of the system block, which every loop reads in its next period. It runs
 * above the roles it shares a core with, so that a role that never sleeps cannot hide. When the
 * thread itself was late by more than half of a bound, the wait for that heartbeat starts over and
 * is counted: an instrument that slept must not accuse.
 *
 * The operator's channel (values that people set, or that follow a profile) is published here too:
 * Python stays off every periodic path.
 */
#ifndef AMP_WATCH_H
#define AMP_WATCH_H

#include "amp/base.h"
#include "amp/channel.h"
#include "amp/platform.h"
#include "amp/segment.h"
#include "amp/stats.h"

#define AMP_WATCH_VALUES_MAX 64

struct amp_watch;

/// Bytes of a watch, for its owner to allocate (16-byte aligned).
size_t amp_watch_size(void);

/// Set up. |owner| is the supervisor's own block (the thread writes its wakeup histogram),
/// |operator_channel| the attached channel of operator values, or NULL. Returns 0 or -AMP_EARG.
/// Context: init.
int amp_watch_init(struct amp_watch *watch, const struct amp_platform *platform,
                   struct amp_system *system, struct amp_owner *owner,
                   const struct amp_channel *operator_channel, amp_ns period_ns,
                   amp_ns operator_period_ns);

/// Watch |role|, whose own block is |owner|; disabled until amp_watch_enable(). 0 or -AMP_EARG.
/// Context: init.
int amp_watch_add_role(struct amp_watch *watch, uint32_t role, const struct amp_owner *owner,
                       amp_ns bound_ns);

/// Add the next operator value. |times_s| (from 0, increasing) and |values| hold |count| points of
/// its profile, kept by the caller until the end: 2 or more, all finite; 0: it has none. It begins at
/// |initial|, or at its profile's first value. 0 or -AMP_EARG.
/// Context: init.
int amp_watch_add_value(struct amp_watch *watch, double initial, const double *times_s,
                        const double *values, uint32_t count);

/// Run the thread on |core| (-1: any) at SCHED_FIFO |priority|; |granted_priority| gets what it got.
/// Context: init.
int amp_watch_start(struct amp_watch *watch, int core, int priority, int *granted_priority);

/// End the thread and wait for it.
/// Context: init. Progress: blocking (one period).
int amp_watch_stop(struct amp_watch *watch);

/// One pass at |now|, as the thread makes it. Public for tests in virtual time.
/// Context: real-time. Progress: bounded (roles + values * log points).
void amp_watch_pass(struct amp_watch *watch, amp_ns now);

/* From the main thread, at any time. Progress: wait-free. */

/// Judge |role| from its next pass on, or no longer.
void amp_watch_enable(struct amp_watch *watch, uint32_t role, bool enabled);
/// When the role's heartbeat was found stopped; 0 when it was not, since it was last enabled.
amp_ns amp_watch_stopped_at(const struct amp_watch *watch, uint32_t role);
/// Set |count| values, all in one publication. A value that is set stands in place of its profile
/// until the profiles are run again.
void amp_watch_set_values(struct amp_watch *watch, const uint32_t *indices, const double *values,
                          uint32_t count);
/// Run every profile from |start_ns| on, over and over, and hold it where it begins until then;
/// 0: hold it there, but for a value that was set meanwhile.
void amp_watch_run_profiles(struct amp_watch *watch, amp_ns start_ns);
/// True while the value's profile moves it.
bool amp_watch_follows_profile(const struct amp_watch *watch, uint32_t index);
/// Passes put off because the thread itself was late.
uint64_t amp_watch_put_off(const struct amp_watch *watch);

#endif
