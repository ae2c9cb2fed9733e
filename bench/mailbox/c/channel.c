/* channel.c: ours, through the library's own calls, as any program makes them. A parcel of BATCH
 * messages is one publication of BATCH times as many words. WAY says which read:
 * 0 a cursor, 1 the newest value, 2 a queue. */
#include "pair.h"

#include "amp/channel.h"
#include "amp/queue.h"
#include "amp/segment.h"

#ifndef WAY
#define WAY 0
#endif

#define ROOM (UINT64_C(16) << 20) /* more than any channel here takes */

struct end {
    struct amp_channel channel;
    struct amp_cursor cursor;
    struct amp_queue queue;
    struct amp_queue_reader reader;
    uint64_t last;
    uint64_t record[3 + PARCEL_WORDS];
};

static size_t end_size(void) {
    return AMP_OWNER_SIZE + ROOM;
}

static void end_format(void *at) {
    (void)at;
}

static void end_open(struct end *end, void *at, bool writes) {
    unsigned char *const slots = (unsigned char *)at + AMP_OWNER_SIZE;
    struct amp_owner *const owner = at;
    if (amp_channel_bind(&end->channel, slots, ROOM, PARCEL_WORDS, DEPTH) != AMP_OK) {
        exit(1);
    }
    if (writes) {
        amp_channel_attach(&end->channel, 1);
        amp_queue_open(&end->queue, &end->channel, owner, 0);
    } else {
        amp_cursor_open(&end->cursor, &end->channel, AMP_START_LATEST);
        amp_queue_reader_open(&end->reader, &end->channel, owner, 0);
    }
}

static bool end_send(struct end *end, const uint64_t *parcel) {
    if (WAY == 2) {
        return amp_queue_push(&end->queue, 0, 0, parcel);
    }
    amp_channel_publish(&end->channel, 0, 0, parcel);
    return true;
}

static bool newest(struct end *end, struct amp_sample *sample) {
    if (amp_channel_latest(&end->channel, sample, NULL) != AMP_READ_VALUE ||
        sample->count == end->last) {
        return false;
    }
    end->last = sample->count;
    return true;
}

static const uint64_t *end_receive(struct end *end, uint64_t *parcel) {
    struct amp_sample *const sample = (void *)end->record;
    if (WAY == 1) {
        if (!newest(end, sample)) {
            return NULL;
        }
    } else if (WAY == 2) {
        if (amp_queue_next(&end->reader, sample) != AMP_READ_VALUE) {
            return NULL;
        }
        amp_queue_done(&end->reader);
    } else if (amp_cursor_next(&end->cursor, sample) != AMP_READ_VALUE) {
        return NULL;
    }
    (void)parcel;
    return sample->words;
}

#include "pair_main.h"
