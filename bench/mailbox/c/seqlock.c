/* seqlock.c: the plain sequence lock, one value and a number that is odd while it is written. It
 * keeps the newest value only, so it has no stream; a writer killed inside leaves its readers stuck. */
#include "pair.h"

struct lock {
    uint64_t number __attribute__((aligned(LINE)));
    uint64_t words[PARCEL_WORDS];
};

struct end {
    struct lock *lock;
    uint64_t last;
};

static size_t end_size(void) {
    return sizeof(struct lock);
}

static void end_format(void *at) {
    memset(at, 0, sizeof(struct lock));
}

static void end_open(struct end *end, void *at, bool writes) {
    (void)writes;
    *end = (struct end){(struct lock *)at, 0};
}

static bool end_send(struct end *end, const uint64_t *parcel) {
    struct lock *const lock = end->lock;
    end->last += 2;
    __atomic_store_n(&lock->number, end->last - 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    for (int i = 0; i < PARCEL_WORDS; i++) {
        __atomic_store_n(&lock->words[i], parcel[i], __ATOMIC_RELAXED);
    }
    __atomic_store_n(&lock->number, end->last, __ATOMIC_RELEASE);
    return true;
}

static const uint64_t *end_receive(struct end *end, uint64_t *parcel) {
    struct lock *const lock = end->lock;
    const uint64_t number = __atomic_load_n(&lock->number, __ATOMIC_ACQUIRE);
    if (number == end->last || (number & 1) != 0) {
        return NULL;
    }
    for (int i = 0; i < PARCEL_WORDS; i++) {
        parcel[i] = __atomic_load_n(&lock->words[i], __ATOMIC_RELAXED);
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (__atomic_load_n(&lock->number, __ATOMIC_RELAXED) != number) {
        return NULL;
    }
    end->last = number;
    return parcel;
}

#include "pair_main.h"
