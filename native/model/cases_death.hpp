// cases_death.hpp: writers that die at any access to shared memory, and their successors.
#ifndef AMP_MODEL_CASES_DEATH_HPP
#define AMP_MODEL_CASES_DEATH_HPP

#include "actors.hpp"

/// More accesses than a life of |publications| can have: each is a death at some point, or none.
constexpr unsigned life_of(unsigned publications) {
    return 5 + publications * (SLOT_WORDS + 5);
}

/// A writer dies; before any successor starts, its last committed value is there to be read.
template <unsigned DEPTH, unsigned TOTAL> struct readable_case : scenario<3> {
    memory<DEPTH, false> shared;
    proof dead;
    uint64_t finished;

    void before() override {
        shared.begin();
        dead.begin();
        finished = 0;
    }

    void thread(unsigned id) override {
        if (id == 0) {
            world.survives(rl::rand(life_of(TOTAL)), [this] {
                writer w;
                w.attach(DEPTH, 1);
                while (w.count < TOTAL) {
                    w.publish();
                    finished = w.count;
                }
            });
            dead.give();
        } else if (id == 1) {
            latest_reader reader(DEPTH);
            while (!dead.is_given()) {
                reader.read();
                rl::yield(1, $);
            }
        } else {
            while (!dead.is_given()) {
                rl::yield(1, $);
            }
            latest_reader reader(DEPTH);
            const enum amp_read got = reader.read();
            RULE(got != AMP_READ_NO_NEW, "after a death the last committed value is readable");
            RULE(got == AMP_READ_VALUE || finished == 0, "what was published stays");
            RULE(reader.newest >= finished, "and it is the newest");
        }
    }
};

/// |LIVES| writers, each but the last dying at some access, while two readers read on.
template <unsigned DEPTH, unsigned EACH, unsigned TOTAL, unsigned LIVES>
struct death_case : scenario<5> {
    memory<DEPTH, false> shared;
    proof dead[LIVES];

    void before() override {
        shared.begin();
        for (unsigned i = 0; i < LIVES; i++) {
            dead[i].begin();
        }
    }

    void write(unsigned life) {
        if (life > 0) {
            dead[life - 1].wait();
        }
        const bool last = life + 1 == LIVES;
        const unsigned steps = last ? 10000 : rl::rand(life_of(EACH));
        world.survives(steps, [life, last] {
            writer w;
            w.attach(DEPTH, life + 1);
            w.publish_to(last ? TOTAL : w.count + EACH < TOTAL ? w.count + EACH : TOTAL);
        });
        dead[life].give();
    }

    void thread(unsigned id) override {
        if (id < LIVES) {
            write(id);
        } else if (id == LIVES) {
            latest_reader reader(DEPTH);
            reader.read_some(3);
            dead[LIVES - 1].wait();
            RULE(wish.without_proof || reader.read() == AMP_READ_VALUE,
                 "a channel at rest is whole");
        } else if (id == LIVES + 1) {
            world.mine().slow_to = TOTAL;
            log_reader(DEPTH, AMP_START_OLDEST).read_to(TOTAL);
        }
    }
};

/// A writer dies within its first publication, a successor attaches and publishes nothing: whoever
/// sees the number that the successor counted can read it.
template <unsigned DEPTH> struct attach_view_case : scenario<3> {
    memory<DEPTH, false> shared;
    proof dead, done;

    void before() override {
        shared.begin();
        dead.begin();
        done.begin();
    }

    void thread(unsigned id) override {
        if (id == 0) {
            world.survives(rl::rand(life_of(1)), [] {
                writer w;
                w.attach(DEPTH, 1);
                w.publish();
            });
            dead.give();
        } else if (id == 1) {
            dead.wait();
            writer w;
            w.attach(DEPTH, 2);
            done.give();
        } else {
            latest_reader reader(DEPTH);
            while (reader.newest == 0 && !done.is_given()) {
                RULE(reader.read() != AMP_READ_NO_NEW, "nothing is torn that nobody writes");
                rl::yield(1, $);
            }
        }
    }
};

#endif
