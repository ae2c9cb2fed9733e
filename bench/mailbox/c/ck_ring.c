/* ck_ring.c: Concurrency Kit's ring, one producer and one consumer, messages by value. */
#include <ck_ring.h>

#include "pair.h"

struct message {
    uint64_t words[WORDS];
};

CK_RING_PROTOTYPE(message, message)

struct ring {
    ck_ring_t ring __attribute__((aligned(128)));
    struct message slots[DEPTH] __attribute__((aligned(128)));
};

struct end {
    struct ring *ring;
};

static size_t end_size(void) {
    return sizeof(struct ring);
}

static void end_format(void *at) {
    ck_ring_init(&((struct ring *)at)->ring, DEPTH);
}

static void end_open(struct end *end, void *at, bool writes) {
    (void)writes;
    end->ring = (struct ring *)at;
}

static bool end_send(struct end *end, const uint64_t *parcel) {
    return CK_RING_ENQUEUE_SPSC(message, &end->ring->ring, end->ring->slots,
                                (struct message *)(uintptr_t)parcel);
}

static const uint64_t *end_receive(struct end *end, uint64_t *parcel) {
    return CK_RING_DEQUEUE_SPSC(message, &end->ring->ring, end->ring->slots,
                                (struct message *)parcel)
               ? parcel
               : NULL;
}

#include "pair_main.h"
