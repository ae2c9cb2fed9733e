// relacy.cpp: one case of the mailbox under Relacy, a model checker of C++ memory orders.
//
//     relacy --sites                 every site of the source, one a line
//     relacy --cases                 every case and its kind, one a line
//     relacy CASE [--schedules N] [--weaken SITE]... [--drop SITE] [--without-proof] [--history]
//
// Schedule n of a case is always the same. The verdict is one line on stdout, counters follow, one a
// line; exit 0 clean, 1 a rule was broken, 2 wrong usage. Relacy may abort after it has reported, so
// a caller reads the verdict.

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>

#include "cases_queue.hpp"
#include "cases_read.hpp"

namespace {

struct model_case {
    const char *name;
    const char *kind; // safety | queue | view | twin
    uint32_t depth_min;
    rl::test_result_e (*simulate)(rl::test_params &);
};

// Relacy brings its own operator new, so a scenario is made in a place of ours.
alignas(64) unsigned char place[1 << 16];

template <unsigned THREADS> struct stage : rl::test_suite<stage<THREADS>, THREADS> {
    static scenario<THREADS> *(*make)();
    scenario<THREADS> *const played = make();

    ~stage() {
        played->~scenario();
    }
    void before() {
        played->before();
    }
    void thread(unsigned id) {
        played->thread(id);
    }
    void after() {
        played->after();
    }
};

template <unsigned THREADS> scenario<THREADS> *(*stage<THREADS>::make)();

template <typename played> rl::test_result_e run(rl::test_params &parameters) {
    constexpr unsigned threads = played::threads;
    static_assert(sizeof(played) <= sizeof place, "a scenario fits its place");
    stage<threads>::make = []() -> scenario<threads> * { return new (place) played; };
    rl::ostringstream state;
    return rl::run_test<stage<threads>, rl::random_scheduler<threads>>(parameters, state, false);
}

// Two slots make every clash frequent; four is what the mailbox has at least; eight lands elsewhere.
const struct model_case CASES[] = {
    {"latest-2", "safety", 2, run<latest_case<2, 5>>},
    {"latest-4", "safety", 4, run<latest_case<4, 9>>},
    {"log-2", "safety", 2, run<log_case<2, 5>>},
    {"log-4", "safety", 4, run<log_case<4, 8>>},
    {"log-8", "safety", 4, run<log_case<8, 12>>},
    {"readable-2", "safety", 2, run<readable_case<2, 4>>},
    {"readable-4", "safety", 4, run<readable_case<4, 6>>},
    {"death-2", "safety", 2, run<death_case<2, 2, 4, 2>>},
    {"death-4", "safety", 4, run<death_case<4, 3, 6, 2>>},
    {"deaths-2", "safety", 2, run<death_case<2, 2, 5, 3>>},
    {"deaths-4", "safety", 4, run<death_case<4, 2, 6, 3>>},
    {"queue-2", "queue", 2, run<queue_case<2, 5, false>>},
    {"queue-4", "queue", 4, run<queue_case<4, 8, false>>},
    {"queue-plain-2", "queue", 2, run<queue_case<2, 5, true>>},
    {"queue-death-2", "queue", 2, run<queue_death_case<2, 2, 4, false>>},
    {"queue-death-plain-2", "queue", 2, run<queue_death_case<2, 2, 4, true>>},
    {"view-2", "view", 2, run<view_case<2>>},
    {"attach-view-2", "view", 2, run<attach_view_case<2>>},
    {"one-slot", "twin", 1, run<readable_case<1, 3>>},
};

[[noreturn]] void usage(const char *what) {
    fprintf(stderr, "relacy: %s\n", what);
    exit(2);
}

unsigned site_named(const char *name) {
    const struct model_site *const site = name != nullptr ? model_site_find(name) : nullptr;
    if (site == nullptr) {
        usage("no such site");
    }
    return model_site_index(site);
}

const struct model_case &case_named(const char *name) {
    for (const struct model_case &one : CASES) {
        if (strcmp(one.name, name) == 0) {
            return one;
        }
    }
    usage("no such case");
}

void print_counters() {
    printf("values %lu\nnever %lu\nno_new %lu\nempty %lu\nlost %lu\ntorn %lu\nfull %lu\n"
           "redelivered %lu\n",
           reached.values, reached.never, reached.no_new, reached.empty, reached.lost, reached.torn,
           reached.full, reached.redelivered);
    for (unsigned i = 0; i < model_site_count(); i++) {
        const char *const name = model_site_name(model_site_at(i));
        printf("executed %lu %s\n", reached.executed[i], name);
        printf("deaths %lu %s\n", reached.deaths_at[i], name);
    }
}

int judge_case(const struct model_case &one, unsigned long schedules, bool history) {
    rl::test_params parameters;
    std::ostringstream progress;
    parameters.iteration_count = schedules;
    parameters.execution_depth_limit = 4000;
    parameters.collect_history = history;
    parameters.output_history = history;
    parameters.progress_stream = &progress;
    model_depth_min = one.depth_min;
    const rl::test_result_e result = one.simulate(parameters);
    const bool clean = result == rl::test_result_success;
    if (clean) {
        printf("verdict: clean after %lu schedules\n", schedules);
    } else {
        printf("verdict: broken in schedule %lu: %s%s%s\n",
               static_cast<unsigned long>(parameters.stop_iteration), rl::test_result_str(result),
               broken_rule[0] == '\0' ? "" : ": ", broken_rule);
    }
    print_counters();
    fflush(stdout);
    _exit(clean ? 0 : 1);
}

} // namespace

int main(int count, char **words) {
    if (count < 2) {
        usage("which case?");
    }
    if (strcmp(words[1], "--sites") == 0) {
        for (unsigned i = 0; i < model_site_count(); i++) {
            puts(model_site_name(model_site_at(i)));
        }
        return 0;
    }
    if (strcmp(words[1], "--cases") == 0) {
        for (const struct model_case &one : CASES) {
            printf("%s %s\n", one.name, one.kind);
        }
        return 0;
    }
    unsigned long schedules = 10000;
    bool history = false;
    for (int i = 2; i < count; i++) {
        const std::string word = words[i];
        const char *const value = i + 1 < count ? words[i + 1] : nullptr;
        if (word == "--history") {
            history = true;
        } else if (word == "--without-proof") {
            wish.without_proof = true;
        } else if (word == "--schedules" && value != nullptr) {
            schedules = strtoul(words[++i], nullptr, 10);
        } else if (word == "--weaken") {
            wish.weakened[site_named(value)] = true, i++;
        } else if (word == "--drop") {
            wish.dropped[site_named(value)] = true, i++;
        } else {
            usage("see the first lines of relacy.cpp");
        }
    }
    return judge_case(case_named(words[1]), schedules, history);
}
