// cases_queue.hpp: queues: nothing lost, nothing twice but for one message after a death.
#ifndef AMP_MODEL_CASES_QUEUE_HPP
#define AMP_MODEL_CASES_QUEUE_HPP

#include "cases_death.hpp"

inline void check(bool condition) {
    if (!condition) {
        fprintf(stderr, "a queue could not be opened\n");
        _exit(2);
    }
}

struct producer {
    writer w;
    struct amp_queue queue;

    void open(unsigned depth, uint64_t epoch) {
        w.attach(depth, epoch);
        check(amp_queue_open(&queue, &w.channel, owner_address(), 0) == AMP_OK);
    }

    void push_to(uint64_t last) {
        while (w.count < last) {
            uint64_t words[WORDS];
            const uint64_t content = *w.next_words(words);
            if (amp_queue_push(&queue, static_cast<amp_ns>(content), static_cast<uint32_t>(content),
                               words)) {
                w.count++;
            } else {
                reached.full++;
                RULE(queue.corrupt == 0, "an honest cursor is believed");
                rl::yield(1, $);
            }
        }
    }
};

struct consumer {
    struct amp_queue_reader reader;

    explicit consumer(unsigned depth) {
        const struct amp_channel channel = bound(depth);
        check(amp_queue_reader_open(&reader, &channel, owner_address(), 0) == AMP_OK);
    }

    /// |used| counts how often each message was used.
    void use_to(uint64_t last, unsigned *used) {
        while (reader.cursor.position < last) {
            struct model_sample sample;
            const uint64_t before = reader.cursor.position;
            const enum amp_read got =
                amp_queue_next(&reader, reinterpret_cast<struct amp_sample *>(&sample));
            if (got != AMP_READ_VALUE) {
                reached.empty++;
                rl::yield(1, $);
                continue;
            }
            RULE(sample.count == before + 1, "every message, in order");
            judge(sample);
            used[sample.count]++;
            amp_queue_done(&reader);
        }
        RULE(reader.cursor.lost == 0, "a queue loses nothing");
        reached.torn += reader.cursor.torn;
    }
};

template <unsigned DEPTH, unsigned TOTAL, bool PLAIN> struct queue_case : scenario<3> {
    memory<DEPTH, PLAIN> shared;
    unsigned used[COUNT_MAX];

    void before() override {
        shared.begin();
        memset(used, 0, sizeof used);
    }

    void thread(unsigned id) override {
        if (id == 0) {
            producer p;
            p.open(DEPTH, 1);
            p.push_to(TOTAL);
        } else if (id == 1) {
            consumer(DEPTH).use_to(TOTAL, used);
        }
    }

    void after() override {
        for (unsigned count = 1; count <= TOTAL; count++) {
            RULE(used[count] == 1, "each message once");
        }
    }
};

/// Both sides die, at any access of theirs, and both have a successor.
template <unsigned DEPTH, unsigned EACH, unsigned TOTAL, bool PLAIN>
struct queue_death_case : scenario<5> {
    memory<DEPTH, PLAIN> shared;
    proof producer_dead, consumer_dead;
    unsigned used[COUNT_MAX];

    void before() override {
        shared.begin();
        producer_dead.begin();
        consumer_dead.begin();
        memset(used, 0, sizeof used);
    }

    void thread(unsigned id) override {
        if (id == 0) {
            world.survives(rl::rand(life_of(EACH)), [] {
                producer p;
                p.open(DEPTH, 1);
                p.push_to(EACH);
            });
            producer_dead.give();
        } else if (id == 1) {
            producer_dead.wait();
            producer p;
            p.open(DEPTH, 2);
            p.push_to(TOTAL);
        } else if (id == 2) {
            world.survives(rl::rand(life_of(TOTAL)),
                           [this] { consumer(DEPTH).use_to(TOTAL, used); });
            consumer_dead.give();
        } else if (id == 3) {
            consumer_dead.wait();
            consumer(DEPTH).use_to(TOTAL, used);
        }
    }

    void after() override {
        unsigned again = 0;
        for (unsigned count = 1; count <= TOTAL; count++) {
            RULE(used[count] >= 1, "no message is lost");
            RULE(world.found[count] == world.committed[count], "and each is what was sent");
            again += used[count] - 1;
        }
        reached.redelivered += again;
        RULE(again <= 1, "after a consumer's death at most one message comes again");
    }
};

#endif
