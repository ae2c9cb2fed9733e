/* pump_parts.h: the pump's files among one another. Only they include it.
 *
 *     pump.c          one pump: its beginning, and what a send point does
 *     pump_run.c      the grid of one or of many: waiting, the send points, the end
 *     pump_link.c     what the session reports, and what follows from it for the act of arming
 *     pump_line.c     bytes: the port, what waits for it, what is counted
 *     pump_isolate.c  a device that babbles is not listened to for a while
 *     pump_set.c      the parameters of the device, as people set them
 *     pump_clock.c    the device's clock, by round trips
 *     pump_tally.c    what is published about the line, and the parts of its way
 *     pump_actuate.c  whether the device should be armed, and what it is told
 */
#ifndef AMP_PUMP_PARTS_H
#define AMP_PUMP_PARTS_H

#include "amp/pump.h"

#define AMP_NS_PER_US 1000LL

/// The session's microseconds.
uint64_t amp_pump_us(amp_ns now);

/// The act of arming is over, through |fault| unless that is AMP_FAULT_NONE.
void amp_pump_end_arming(struct amp_pump *pump, enum amp_fault fault, int64_t argument, amp_ns now);

/// Nothing that was said in the session holds any longer.
void amp_pump_link_down(struct amp_pump *pump, enum amp_fault fault, int64_t argument, amp_ns now);

/// Act on what the session reports.
void amp_pump_take_event(struct amp_pump *pump, const struct amp_session_event *event, amp_ns now);

/// A session has come up: another boot has another clock.
void amp_pump_clock_begin(struct amp_pump *pump, amp_ns now);

/// Queue a question for the device's clock, if one is due and nothing else waits for the line;
/// true when it was. Asked when a state has come, between two send points: what stands behind an
/// actuation on the line would measure that.
bool amp_pump_clock_ask(struct amp_pump *pump, amp_ns now);

/// Take the answer.
void amp_pump_take_time(struct amp_pump *pump, const struct amp_frame *frame);

/// Begin to judge; |now| is the first look.
void amp_pump_isolate_init(struct amp_pump *pump, amp_ns now);

/// |got| bytes came and were taken by the session: isolate the device if that was too much, or too
/// much of it damaged.
void amp_pump_isolate_heard(struct amp_pump *pump, uint32_t got, amp_ns now);

/// |got| bytes of an isolated device were dropped.
void amp_pump_isolate_drop(struct amp_pump *pump, uint32_t got, amp_ns now);

/// The port was offered what waits, and took |any| of it.
void amp_pump_isolate_wrote(struct amp_pump *pump, bool any, amp_ns now);

/// A send point: hear the device again when it has been quiet, isolate it when it does not read.
void amp_pump_isolate_turn(struct amp_pump *pump, amp_ns now);

/// Nothing has come since the last look.
void amp_pump_isolate_silent(struct amp_pump *pump, amp_ns now);

/// The port was lost, or opened anew: another chance.
void amp_pump_isolate_port(struct amp_pump *pump, amp_ns now);

/// Another session, under the next number.
void amp_pump_session_anew(struct amp_pump *pump, amp_ns now);

/// Begin with the parameters of the plan. Returns 0 or -AMP_EARG.
int amp_pump_set_init(struct amp_pump *pump);

/// A session has come up: every parameter is to be set in it.
void amp_pump_set_all(struct amp_pump *pump);

/// Whether the device has acknowledged all of them in this session.
bool amp_pump_is_set(const struct amp_pump *pump);

/// A send point: ask for what is due, take a change that somebody wants.
void amp_pump_set_turn(struct amp_pump *pump, amp_ns now);

/// A parameter was acknowledged, or its time is over.
void amp_pump_take_set(struct amp_pump *pump, const struct amp_session_event *event, amp_ns now);

/// The port is gone.
void amp_pump_lose_port(struct amp_pump *pump, int error, amp_ns now);

/// Write as much as the port takes.
void amp_pump_write_out(struct amp_pump *pump, amp_ns now);

/// Queue what the session itself has to send.
void amp_pump_queue_pending(struct amp_pump *pump, amp_ns now);

/// Add the session's counters to the role's.
void amp_pump_count(struct amp_pump *pump);

/// An actuation was queued, in the place of another or not; it is the one in |record|.
void amp_pump_tally_queued(struct amp_pump *pump, uint32_t answers_us);

/// All of |out| has been taken by Linux at |now|.
void amp_pump_tally_written(struct amp_pump *pump, amp_ns now);

/// A state was taken over; |news| when it tells of an actuation applied that answered a state.
void amp_pump_tally_state(struct amp_pump *pump, const struct amp_wire_state *state, bool news,
                          amp_ns now);

/// Publish the second if it is over, or in any case if it is the |last|.
void amp_pump_tally(struct amp_pump *pump, amp_ns now, bool last);

/// Forward the newest publication of the source, once, to an armed device.
void amp_pump_forward(struct amp_pump *pump, const struct amp_sample *sample);

/// Arm for a new act; disarm once the source's outputs are safe, or the lease has passed anyway. A
/// new act that comes while the device still follows an older one disarms it first.
void amp_pump_follow_mode(struct amp_pump *pump, const struct amp_sample *sample, amp_ns now);

#endif
