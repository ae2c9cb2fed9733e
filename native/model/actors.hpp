// actors.hpp: who uses the mailbox in a case, through the functions of channel.h and queue.h alone,
// and what each may expect of it.
#ifndef AMP_MODEL_ACTORS_HPP
#define AMP_MODEL_ACTORS_HPP

#include "world.hpp"

/// Content of publication |count| by the writer of epoch |who|: tells them all apart.
inline uint64_t content_of(uint64_t count, uint64_t who) {
    return count * 16 + who;
}

inline struct amp_channel bound(unsigned depth) {
    struct amp_channel channel;
    if (amp_channel_bind(&channel, channel_address(), channel_room(), WORDS, depth) != AMP_OK) {
        fprintf(stderr, "the channel could not be bound\n");
        _exit(2);
    }
    return channel;
}

/// A whole publication: all its words of one writer and one number, the one that was committed.
inline void judge(const struct model_sample &sample) {
    reached.values++;
    const uint64_t content = sample.words[0];
    RULE(sample.words[1] == content && static_cast<uint64_t>(sample.t_ns) == content &&
             sample.mark == (content % 16 | content << 32),
         "no torn value");
    RULE(content / 16 == sample.count, "the content belongs to its number");
    RULE(world.committed[sample.count] == content, "only what was committed is read");
    uint64_t &found = world.found[sample.count];
    RULE(found == 0 || found == content, "two readers of one number find one content");
    found = content;
}

struct writer {
    struct amp_channel channel;
    uint64_t who;
    uint64_t count;

    void attach(unsigned depth, uint64_t epoch) {
        channel = bound(depth);
        who = epoch;
        world.mine().content = 0;
        count = amp_channel_attach(&channel, static_cast<uint32_t>(epoch));
    }

    const uint64_t *next_words(uint64_t *words) {
        const uint64_t content = content_of(count + 1, who);
        world.mine().content = content;
        for (unsigned i = 0; i < WORDS; i++) {
            words[i] = content;
        }
        return words;
    }

    void publish() {
        uint64_t words[WORDS];
        const uint64_t content = *next_words(words);
        amp_channel_publish(&channel, static_cast<amp_ns>(content), static_cast<uint32_t>(content),
                            words);
        count++;
    }

    void publish_to(uint64_t last) {
        while (count < last) {
            publish();
        }
    }
};

struct latest_reader {
    struct amp_channel channel;
    uint64_t newest = 0;

    explicit latest_reader(unsigned depth) : channel(bound(depth)) {}

    enum amp_read read() {
        struct model_sample sample;
        uint64_t torn = 0;
        const enum amp_read got =
            amp_channel_latest(&channel, reinterpret_cast<struct amp_sample *>(&sample), &torn);
        reached.torn += torn;
        reached.no_new += got == AMP_READ_NO_NEW;
        if (got == AMP_READ_VALUE) {
            RULE(sample.count >= newest, "never a newer value, then an older one");
            newest = sample.count;
            judge(sample);
        } else if (got == AMP_READ_NEVER) {
            reached.never++;
            RULE(newest == 0, "what was published once was not never published");
        }
        return got;
    }

    void read_some(unsigned values) {
        while (values > 0) {
            if (read() == AMP_READ_VALUE) {
                values--;
            } else {
                rl::yield(1, $);
            }
        }
    }
};

struct log_reader {
    struct amp_cursor cursor;
    uint64_t first;
    uint64_t got = 0;

    log_reader(unsigned depth, enum amp_start start) {
        const struct amp_channel channel = bound(depth);
        amp_cursor_open(&cursor, &channel, start);
        first = cursor.position;
    }

    ~log_reader() {
        reached.lost += cursor.lost;
        reached.torn += cursor.torn;
    }

    enum amp_read next() {
        struct model_sample sample;
        const uint64_t before = cursor.position;
        const enum amp_read result =
            amp_cursor_next(&cursor, reinterpret_cast<struct amp_sample *>(&sample));
        account(before, result == AMP_READ_VALUE ? &sample : nullptr, 1);
        return result;
    }

    size_t drain(size_t most) {
        uint64_t records[4 * SLOT_WORDS];
        const uint64_t before = cursor.position;
        const size_t count = amp_cursor_drain(&cursor, records, most);
        struct model_sample samples[4];
        for (size_t i = 0; i < count; i++) {
            memcpy(&samples[i], records + i * SLOT_WORDS, SLOT_WORDS * sizeof(uint64_t));
        }
        account(before, count > 0 ? samples : nullptr, count);
        return count;
    }

    void account(uint64_t before, const struct model_sample *samples, size_t count) {
        RULE(cursor.position >= before && cursor.position < COUNT_MAX, "a cursor never goes back");
        uint64_t newest = before;
        for (size_t i = 0; samples != nullptr && i < count; i++) {
            RULE(samples[i].count > newest, "a log is in order, without repetition");
            newest = samples[i].count;
            got++;
            judge(samples[i]);
        }
        RULE(newest <= cursor.position, "the cursor stands behind nothing it has read");
        reached.empty += samples == nullptr;
        RULE(first + got + cursor.lost == cursor.position, "published = delivered + lost");
    }

    void read_to(uint64_t last, size_t most = 0) {
        while (cursor.position < last) {
            const bool some = most > 0 ? drain(most) > 0 : next() == AMP_READ_VALUE;
            if (!some) {
                rl::yield(1, $);
            }
        }
    }
};

/// "The predecessor is proven dead": what waitid() says to the supervisor and it to the successor.
struct proof {
    rl::atomic<unsigned> given;

    void begin() {
        given.store(0, rl::mo_relaxed, $);
    }
    void give() {
        given.store(1, rl::mo_release, $);
    }
    bool is_given() {
        return given.load(rl::mo_acquire, $) != 0;
    }
    void wait() {
        while (!wish.without_proof && !is_given()) {
            rl::yield(1, $);
        }
    }
};

/// A case in one schedule; made anew for each. (Relacy's own suites are templates as large as the
/// whole checker, so there is one for each number of threads and not one for each case.)
template <unsigned THREADS> struct scenario {
    static constexpr unsigned threads = THREADS;
    virtual ~scenario() = default;
    virtual void before() = 0;
    virtual void thread(unsigned id) = 0;
    virtual void after() {}
};

/// What a scenario has of its own: the shared memory. The rest stands in |world|.
template <unsigned DEPTH, bool PLAIN> struct memory {
    rl::atomic<uint64_t> atomics[2 + DEPTH * SLOT_WORDS];
    rl::var<uint64_t> plain[PLAIN ? 2 + DEPTH * SLOT_WORDS : 1];

    void begin() {
        world.begin(DEPTH, atomics, PLAIN ? plain : nullptr);
    }
};

#endif
