/* atomic.h: every access to a shared word goes through these functions and fences.
 *
 * One small header, so that the very source of the mailbox can be built against a model checker
 * or under ThreadSanitizer by changing this file alone. The names carry the order; there is no
 * default order and no sequentially consistent access (the one full fence is for who waits).
 *
 * ThreadSanitizer does not know fences. In that build only, the orders move from the fences onto
 * the accesses next to them: weaker code than ours never becomes stronger in any other build.
 */
#ifndef AMP_ATOMIC_H
#define AMP_ATOMIC_H

#ifdef AMP_MODEL
#include "atomic_model.h" /* native/model: a model of memory in the place of the machine's */
#else

#include <stdatomic.h>
#include <stdint.h>

/// A 64-bit word that other processes read while this one writes it.
struct amp_word {
    _Atomic uint64_t value;
};

_Static_assert(sizeof(struct amp_word) == 8, "a shared word is eight bytes");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free (ARMv6 has none)");

#if defined(__SANITIZE_THREAD__)
#define AMP_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define AMP_TSAN 1
#endif
#endif

#ifdef AMP_TSAN
#define AMP_ORDER_LOAD memory_order_acquire
#define AMP_ORDER_STORE memory_order_release
#else
#define AMP_ORDER_LOAD memory_order_relaxed
#define AMP_ORDER_STORE memory_order_relaxed
#endif

static inline uint64_t amp_load_relaxed(const struct amp_word *word) {
    return atomic_load_explicit(&word->value, AMP_ORDER_LOAD);
}

static inline uint64_t amp_load_acquire(const struct amp_word *word) {
    return atomic_load_explicit(&word->value, memory_order_acquire);
}

static inline void amp_store_relaxed(struct amp_word *word, uint64_t value) {
    atomic_store_explicit(&word->value, value, AMP_ORDER_STORE);
}

static inline void amp_store_release(struct amp_word *word, uint64_t value) {
    atomic_store_explicit(&word->value, value, memory_order_release);
}

/// Add to a word that only this thread writes: a load and a store, no read-modify-write cycle.
static inline void amp_add_own(struct amp_word *word, uint64_t increment) {
    amp_store_relaxed(word, amp_load_relaxed(word) + increment);
}

static inline void amp_fence_acquire(void) {
#ifndef AMP_TSAN
    atomic_thread_fence(memory_order_acquire);
#endif
}

static inline void amp_fence_release(void) {
#ifndef AMP_TSAN
    atomic_thread_fence(memory_order_release);
#endif
}

/// What was stored before is seen before what is loaded behind. Used by wait.c alone.
static inline void amp_fence_full(void) {
#ifdef AMP_TSAN
    static _Atomic uint64_t fence;
    atomic_fetch_add_explicit(&fence, 1, memory_order_seq_cst);
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

#endif
#endif
