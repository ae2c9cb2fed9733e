/* boost_spsc.cpp: boost::lockfree::spsc_queue of a fixed capacity, in shared memory. With BATCH its
 * own calls for many elements. */
#include <boost/lockfree/spsc_queue.hpp>
#include <new>

#include "pair.h"

struct message {
    uint64_t words[WORDS];
};

using queue = boost::lockfree::spsc_queue<message, boost::lockfree::capacity<DEPTH * BATCH>>;

struct end {
    queue *ring;
};

static size_t end_size() {
    return sizeof(queue) + 128;
}

static void end_format(void *at) {
    new (at) queue;
}

static void end_open(struct end *end, void *at, bool) {
    end->ring = static_cast<queue *>(at);
}

static bool end_send(struct end *end, const uint64_t *parcel) {
    const message *const messages = reinterpret_cast<const message *>(parcel);
    if (BATCH == 1) {
        return end->ring->push(*messages);
    }
    for (size_t done = 0; done < BATCH;) {
        done += end->ring->push(messages + done, BATCH - done);
    }
    return true;
}

static const uint64_t *end_receive(struct end *end, uint64_t *parcel) {
    message *const messages = reinterpret_cast<message *>(parcel);
    if (BATCH == 1) {
        return end->ring->pop(*messages) ? parcel : nullptr;
    }
    for (size_t done = 0; done < BATCH;) {
        done += end->ring->pop(messages + done, BATCH - done);
    }
    return parcel;
}

#include "pair_main.h"
