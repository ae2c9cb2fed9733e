/* atomic_model.h: what amp/atomic.h is when AMP_MODEL is set: every access becomes a call.
 *
 * The mailbox's own sources are compiled with this, unchanged and as C, and linked with something
 * that answers the calls: a model of memory (relacy.cpp) or a recorder (trace.c). A shared word
 * is only an address then; nothing reads or writes it but through the calls.
 *
 * Each place in the source that touches shared memory is a *site*. Its name is made of the function
 * it stands in, the operation and the text of its word, so it survives every edit that leaves the
 * place as it is: `amp_channel_publish store_release slot->seq`. All sites of a program stand in one
 * linker section: none can be forgotten, whether it is ever executed or not.
 */
#ifndef AMP_ATOMIC_MODEL_H
#define AMP_ATOMIC_MODEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Only its address is used.
struct amp_word {
    uint64_t unreachable;
};

/// A place in the source that touches shared memory.
struct model_site {
    const char *function;
    const char *operation; /* as amp/atomic.h calls it, without its prefix */
    const char *word;      /* the text of the argument; empty for a fence */
    int line;
};

/// What the other side of the link provides.
uint64_t model_load(const struct model_site *site, const struct amp_word *word);
void model_store(const struct model_site *site, struct amp_word *word, uint64_t value);
void model_fence(const struct model_site *site);

/// Fewest slots of a channel in this program: the shallow formula for where a lapped cursor lands
/// is used at exactly this depth.
extern uint32_t model_depth_min;

#ifdef __cplusplus
}
#else

#define MODEL_SITE(operation, word)                                                                \
    (__extension__({                                                                               \
        static const struct model_site model_here                                                  \
            __attribute__((section("model_sites"), used, aligned(8))) = {__func__, operation,      \
                                                                         word, __LINE__};          \
        &model_here;                                                                               \
    }))

#define amp_load_relaxed(word) model_load(MODEL_SITE("load_relaxed", #word), word)
#define amp_load_acquire(word) model_load(MODEL_SITE("load_acquire", #word), word)
#define amp_store_relaxed(word, value) model_store(MODEL_SITE("store_relaxed", #word), word, value)
#define amp_store_release(word, value) model_store(MODEL_SITE("store_release", #word), word, value)
#define amp_add_own(word, increment) amp_store_relaxed(word, amp_load_relaxed(word) + (increment))
#define amp_fence_acquire() model_fence(MODEL_SITE("fence_acquire", ""))
#define amp_fence_release() model_fence(MODEL_SITE("fence_release", ""))

/* channel.h has set it already; the source below is not compiled yet. */
#undef AMP_CHANNEL_DEPTH_MIN
#define AMP_CHANNEL_DEPTH_MIN model_depth_min

#endif
#endif
