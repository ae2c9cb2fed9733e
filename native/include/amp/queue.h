/* queue.h: a channel whose one consumer publishes its cursor: nothing is overwritten, the writer is
 * refused instead.
 *
 * The slots are the channel's (channel.h) and stay readable by any monitor. The cursor is a word in
 * the owner block of the consumer's own segment, so each word still has one writing process. Use
 * it for commands and parameters; for values use a channel, whose writer nobody can stop.
 *
 * Delivery: each message once, in order. The cursor is stored when a message has been used, so
 * after the death of a consumer what it had read and not yet done with comes again: one message, if
 * it is done with each before it reads the next. So commands carry ids and a time to live.
 */
#ifndef AMP_QUEUE_H
#define AMP_QUEUE_H

#include "amp/base.h"
#include "amp/channel.h"
#include "amp/stats.h"

/// Queues that one role may consume.
#define AMP_QUEUES_MAX 8

/// The writer's end. Not shared.
struct amp_queue {
    struct amp_channel channel; /* the writer's own, attached */
    const void *cursor;         /* the consumer's word */
    uint64_t full;              /* messages refused because the consumer is behind */
    uint64_t corrupt; /* messages refused because the cursor cannot be: beyond the newest */
};

/// The consumer's end. Not shared.
struct amp_queue_reader {
    struct amp_cursor cursor;
    void *stored; /* the consumer's own word */
};

/// Open the writer's end: |channel| is its own, |consumer| the owner block of the role that reads,
/// |index| which of that role's queues this is, [0, AMP_QUEUES_MAX). Returns 0 or -AMP_EARG.
/// Context: init. One writer.
int amp_queue_open(struct amp_queue *queue, const struct amp_channel *channel,
                   const struct amp_owner *consumer, uint32_t index);

/// Publish a message, or refuse it: false when |depth| messages wait, and it is counted. Tell the
/// sender.
/// Context: real-time. Progress: wait-free. Cost: a publish and one load. One writer, one thread.
bool amp_queue_push(struct amp_queue *queue, amp_ns t_ns, uint32_t flags, const uint64_t *words);

/// Messages that amp_queue_push() would take now, one after the other; 0 when the cursor cannot be.
/// Only the writer makes it less, so who asks first can send a message of several parts whole.
/// Context: real-time. Progress: wait-free. Cost: two loads. One writer, one thread.
uint64_t amp_queue_room(const struct amp_queue *queue);

/// Open the consumer's end where it was left, by this process or by its predecessor: |own| is the
/// consumer's own block. Returns 0 or -AMP_EARG.
/// Context: init. One consumer.
int amp_queue_reader_open(struct amp_queue_reader *reader, const struct amp_channel *channel,
                          struct amp_owner *own, uint32_t index);

/// Copy the oldest message that was not yet done with: AMP_READ_VALUE or AMP_READ_EMPTY. Until
/// amp_queue_done() the next call gives the next one, but a successor would get this one again.
/// Context: real-time. Progress: bounded (4). Cost: words + 4 loads.
enum amp_read amp_queue_next(struct amp_queue_reader *reader, struct amp_sample *out);

/// Every message read so far has been used: the writer may reuse its slots.
/// Context: real-time. Progress: wait-free. Cost: one store.
void amp_queue_done(struct amp_queue_reader *reader);

#endif
