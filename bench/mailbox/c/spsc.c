/* spsc.c: the textbook ring of one producer and one consumer: two indices on lines of their own, and
 * each side keeps a copy of the other's, which it renews only when the ring looks full or empty. */
#include "pair.h"

struct ring {
    uint64_t head __attribute__((aligned(128))); /* messages taken */
    uint64_t tail __attribute__((aligned(128))); /* messages put */
    uint64_t slots[DEPTH * BATCH][WORDS] __attribute__((aligned(128)));
};

struct end {
    struct ring *ring;
    uint64_t own, other;
};

static size_t end_size(void) {
    return sizeof(struct ring);
}

static void end_format(void *at) {
    memset(at, 0, sizeof(struct ring));
}

static void end_open(struct end *end, void *at, bool writes) {
    (void)writes;
    *end = (struct end){(struct ring *)at, 0, 0};
}

static bool end_send(struct end *end, const uint64_t *parcel) {
    struct ring *const ring = end->ring;
    if (end->own - end->other > (DEPTH - 1) * BATCH) {
        end->other = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
        if (end->own - end->other > (DEPTH - 1) * BATCH) {
            return false;
        }
    }
    memcpy(ring->slots[end->own & (DEPTH * BATCH - 1)], parcel, PARCEL_WORDS * sizeof *parcel);
    end->own += BATCH;
    __atomic_store_n(&ring->tail, end->own, __ATOMIC_RELEASE);
    return true;
}

static const uint64_t *end_receive(struct end *end, uint64_t *parcel) {
    struct ring *const ring = end->ring;
    if (end->own == end->other) {
        end->other = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
        if (end->own == end->other) {
            return NULL;
        }
    }
    memcpy(parcel, ring->slots[end->own & (DEPTH * BATCH - 1)], PARCEL_WORDS * sizeof *parcel);
    end->own += BATCH;
    __atomic_store_n(&ring->head, end->own, __ATOMIC_RELEASE);
    return parcel;
}

#include "pair_main.h"
