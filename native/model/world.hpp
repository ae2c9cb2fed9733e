// world.hpp: the shared memory of one schedule, and the lives of those who use it.
//
// The mailbox's code runs unchanged; each of its accesses arrives here with the address of its word
// and becomes an access to the Relacy atomic that stands for that word. The addresses lie in a
// region that nobody may touch, so an access that goes past amp/atomic.h ends the program.
#ifndef AMP_MODEL_WORLD_HPP
#define AMP_MODEL_WORLD_HPP

// Relacy remembers the last three values of each atomic: too few for a slot that goes round twice.
#define atomic_history_size atomic_history_size_of_relacy
#include <stddef.h>
#include <stdint.h>

#include <relacy/pch.hpp>

#include <relacy/defs.hpp>
#undef atomic_history_size
namespace rl {
size_t const atomic_history_size = 6;
}
#include <relacy/relacy.hpp>

#include <csetjmp>
#include <cstring>

#include "mailbox.h"
#include "sites.h"

/// Words of a payload, and what a slot has before them.
constexpr unsigned WORDS = 2;
constexpr unsigned SLOT_WORDS = 3 + WORDS;
constexpr unsigned COUNT_MAX = 32;
constexpr unsigned THREADS_MAX = 5;

/// What was asked for on the command line; the same in every schedule.
struct wish {
    bool weakened[MODEL_SITES_MAX]; /* by index of the site: the order, or the fence, is gone */
    bool dropped[MODEL_SITES_MAX];  /* the store is gone */
    bool without_proof; /* successors start without proof of their predecessor's death */
};
extern struct wish wish;

/// Counted over all schedules, so that a case can show that it reached what it is about.
struct reached {
    unsigned long values, never, no_new, empty, lost, torn, full, redelivered;
    unsigned long deaths_at[MODEL_SITES_MAX];
    unsigned long executed[MODEL_SITES_MAX];
};
extern struct reached reached;
extern const char *broken_rule;

/// A rule of the mailbox: a schedule that breaks it ends the run, with the rule's words.
#define RULE(condition, words)                                                                     \
    do {                                                                                           \
        const bool rule_holds = (condition);                                                       \
        if (!rule_holds) {                                                                         \
            broken_rule = words;                                                                   \
        }                                                                                          \
        RL_ASSERT(rule_holds);                                                                     \
    } while (0)

/// One simulated process: what it publishes now, and how long it has to live.
struct life {
    bool mortal;
    unsigned steps_left;
    jmp_buf end;
    uint64_t content;
    uint64_t slow_to; /* now and then it sleeps until some number up to this one is committed */
};

/// Shared memory for one schedule. |atomics| and |plain| belong to the suite.
class world {
  public:
    void begin(unsigned depth, rl::atomic<uint64_t> *atomics, rl::var<uint64_t> *plain);

    /// Run |body| in the calling thread until it ends or has made |steps| accesses: then it is dead.
    template <typename body_t> bool survives(unsigned steps, body_t body) {
        life &self = mine();
        self.steps_left = steps;
        self.mortal = true;
        if (setjmp(self.end) != 0) {
            self.mortal = false;
            return false;
        }
        body();
        self.mortal = false;
        return true;
    }

    life &mine() {
        return lives_[rl::thread_index()];
    }

    uint64_t load(const struct model_site *site, const void *word);
    void store(const struct model_site *site, const void *word, uint64_t value);
    void fence(const struct model_site *site);

    /// The newest number committed.
    uint64_t newest;
    /// What stands under each number, from the moment its even mark was stored; 0 before.
    uint64_t committed[COUNT_MAX];
    /// The same as readers found it.
    uint64_t found[COUNT_MAX];

  private:
    unsigned index_of(const void *word) const;
    bool is_plain(unsigned index) const;
    unsigned step(const struct model_site *site);
    void sleep_now_and_then(life &self);

    life lives_[THREADS_MAX];
    unsigned depth_;
    rl::atomic<uint64_t> *atomics_; /* latest, slots, the queue's cursor */
    rl::var<uint64_t> *plain_;      /* NULL, or what stands for the payloads instead */
};

extern class world world;

/// The untouchable region: a channel, and the owner block of a queue's consumer.
void *channel_address();
size_t channel_room();
struct amp_owner *owner_address();

#endif
