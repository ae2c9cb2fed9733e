#include "amp/queue.h"

#include "layout.h"

int amp_queue_open(struct amp_queue *queue, const struct amp_channel *channel,
                   const struct amp_owner *consumer, uint32_t index) {
    if (index >= AMP_QUEUES_MAX) {
        return -AMP_EARG;
    }
    *queue = (struct amp_queue){.channel = *channel, .cursor = &consumer->queue_cursors[index]};
    return AMP_OK;
}

/* How many messages the consumer has used; their copies are over. */
static uint64_t used(const struct amp_queue *queue) {
    const struct amp_word *const cursor = queue->cursor;
    return amp_load_acquire(cursor); /* pairs with the release in amp_queue_done() */
}

bool amp_queue_push(struct amp_queue *queue, amp_ns t_ns, uint32_t flags, const uint64_t *words) {
    const uint64_t newest = amp_channel_count(&queue->channel);
    const uint64_t consumed = used(queue);
    if (consumed > newest) {
        queue->corrupt++;
        return false;
    }
    if (newest - consumed > queue->channel.mask) {
        queue->full++;
        return false;
    }
    amp_channel_publish(&queue->channel, t_ns, flags, words);
    return true;
}

uint64_t amp_queue_room(const struct amp_queue *queue) {
    const uint64_t newest = amp_channel_count(&queue->channel);
    const uint64_t consumed = used(queue);
    const uint64_t depth = (uint64_t)queue->channel.mask + 1;
    return consumed > newest || newest - consumed > depth ? 0 : depth - (newest - consumed);
}

int amp_queue_reader_open(struct amp_queue_reader *reader, const struct amp_channel *channel,
                          struct amp_owner *own, uint32_t index) {
    if (index >= AMP_QUEUES_MAX) {
        return -AMP_EARG;
    }
    *reader = (struct amp_queue_reader){.stored = &own->queue_cursors[index]};
    amp_cursor_open(&reader->cursor, channel, AMP_START_LATEST);
    reader->cursor.position = amp_load_relaxed(reader->stored);
    return AMP_OK;
}

enum amp_read amp_queue_next(struct amp_queue_reader *reader, struct amp_sample *out) {
    return amp_cursor_next(&reader->cursor, out);
}

void amp_queue_done(struct amp_queue_reader *reader) {
    amp_store_release(reader->stored, reader->cursor.position); /* pairs with the acquire in
                                                                   amp_queue_push() */
}
