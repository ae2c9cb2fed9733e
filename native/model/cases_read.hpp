// cases_read.hpp: a writer that lives, and its readers.
#ifndef AMP_MODEL_CASES_READ_HPP
#define AMP_MODEL_CASES_READ_HPP

#include "actors.hpp"

/// A writer and two readers of the latest value.
template <unsigned DEPTH, unsigned TOTAL> struct latest_case : scenario<3> {
    memory<DEPTH, false> shared;

    void before() override {
        shared.begin();
    }

    void thread(unsigned id) override {
        if (id == 0) {
            writer w;
            w.attach(DEPTH, 1);
            w.publish_to(TOTAL);
        } else {
            world.mine().slow_to = id == 1 ? 0 : TOTAL;
            latest_reader(DEPTH).read_some(3);
        }
    }
};

/// A writer and two cursors, one of which drains.
template <unsigned DEPTH, unsigned TOTAL> struct log_case : scenario<3> {
    memory<DEPTH, false> shared;

    void before() override {
        shared.begin();
    }

    void thread(unsigned id) override {
        if (id == 0) {
            writer w;
            w.attach(DEPTH, 1);
            w.publish_to(TOTAL);
        } else {
            world.mine().slow_to = TOTAL;
            const enum amp_start start = rl::rand(2) == 0 ? AMP_START_LATEST : AMP_START_OLDEST;
            log_reader(DEPTH, start).read_to(TOTAL, id == 1 ? 0 : 3);
        }
    }
};

/// One publication, never overwritten: whoever sees that it exists can read it, at the first try.
/// The orders on `latest` are there for this.
template <unsigned DEPTH> struct view_case : scenario<3> {
    memory<DEPTH, false> shared;

    void before() override {
        shared.begin();
    }

    void thread(unsigned id) override {
        if (id == 0) {
            writer w;
            w.attach(DEPTH, 1);
            w.publish();
        } else if (id == 1) {
            latest_reader reader(DEPTH);
            while (reader.newest == 0) {
                RULE(reader.read() != AMP_READ_NO_NEW, "nothing is torn that nobody writes");
                rl::yield(1, $);
            }
        } else {
            log_reader reader(DEPTH, AMP_START_OLDEST); /* mostly before the publication */
            const struct amp_channel channel = bound(DEPTH);
            while (amp_channel_count(&channel) == 0) {
                rl::yield(1, $);
            }
            if (reader.cursor.position == 0) {
                RULE(reader.next() == AMP_READ_VALUE, "what is counted can be read");
            }
        }
    }
};

#endif
