#include "world.hpp"

#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

struct wish wish;
struct reached reached;
const char *broken_rule = "";
class world world;
uint32_t model_depth_min;

namespace {

constexpr size_t ROOM = 4096;
constexpr size_t SLOT_SIZE = 64;
unsigned char *region;

void make_region() {
    void *const at = mmap(nullptr, ROOM + model_owner_size(), PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    region = static_cast<unsigned char *>(at);
}

/// What is asked of memory at a site, weakened or not; worked out once.
struct asked {
    enum rl::memory_order order;
    rl::debug_info place;
};

const struct asked *table_of_sites() {
    static struct asked table[MODEL_SITES_MAX];
    for (unsigned i = 0; i < model_site_count(); i++) {
        const struct model_site *const site = model_site_at(i);
        const bool acquires = strstr(site->operation, "acquire") != nullptr;
        const bool releases = strstr(site->operation, "release") != nullptr;
        table[i].order = wish.weakened[i] ? rl::mo_relaxed
                         : acquires       ? rl::mo_acquire
                         : releases       ? rl::mo_release
                                          : rl::mo_relaxed;
        table[i].place =
            rl::debug_info(model_site_name(site), "", static_cast<unsigned>(site->line));
    }
    return table;
}

const struct asked &asked_at(unsigned site) {
    static const struct asked *const table = table_of_sites();
    return table[site];
}

} // namespace

void *channel_address() {
    if (region == nullptr) {
        make_region();
    }
    return region;
}

size_t channel_room() {
    return ROOM;
}

struct amp_owner *owner_address() {
    return reinterpret_cast<struct amp_owner *>(static_cast<unsigned char *>(channel_address()) +
                                                ROOM);
}

void world::begin(unsigned depth, rl::atomic<uint64_t> *atomics, rl::var<uint64_t> *plain) {
    depth_ = depth;
    atomics_ = atomics;
    plain_ = plain;
    memset(lives_, 0, sizeof lives_);
    newest = 0;
    memset(committed, 0, sizeof committed);
    memset(found, 0, sizeof found);
    for (unsigned i = 0; i < 2 + depth * SLOT_WORDS; i++) {
        atomics_[i].store(0, rl::mo_relaxed, $);
        if (plain_ != nullptr) {
            plain_[i]($) = 0;
        }
    }
}

unsigned world::index_of(const void *word) const {
    const size_t offset = static_cast<size_t>(static_cast<const unsigned char *>(word) - region);
    if (offset == ROOM + model_cursor_offset()) {
        return 1 + depth_ * SLOT_WORDS;
    }
    if (offset == 0) {
        return 0;
    }
    const size_t slot = (offset - SLOT_SIZE) / SLOT_SIZE;
    const size_t inside = (offset - SLOT_SIZE) % SLOT_SIZE / sizeof(struct amp_word);
    if (offset < SLOT_SIZE || slot >= depth_ || inside >= SLOT_WORDS) {
        fprintf(stderr, "an access to no word of the mailbox, at offset %zu\n", offset);
        _exit(2);
    }
    return static_cast<unsigned>(1 + slot * SLOT_WORDS + inside);
}

bool world::is_plain(unsigned index) const {
    const bool in_slot = index > 0 && index <= depth_ * SLOT_WORDS;
    return plain_ != nullptr && in_slot && (index - 1) % SLOT_WORDS != 0;
}

unsigned world::step(const struct model_site *site) {
    const unsigned at = model_site_index(site);
    life &self = mine();
    if (self.mortal && self.steps_left-- == 0) {
        reached.deaths_at[at]++;
        longjmp(self.end, 1);
    }
    reached.executed[at]++;
    sleep_now_and_then(self);
    return at;
}

// A random schedule seldom holds a thread back for a whole lap, and a real one does.
void world::sleep_now_and_then(life &self) {
    if (self.slow_to == 0 || rl::rand(8) != 0) {
        return;
    }
    const uint64_t until = rl::rand(static_cast<unsigned>(self.slow_to) + 1);
    while (newest < until) {
        rl::yield(1, $);
    }
}

uint64_t world::load(const struct model_site *site, const void *word) {
    const struct asked &asked = asked_at(step(site));
    const unsigned index = index_of(word);
    return is_plain(index) ? plain_[index](asked.place).load()
                           : atomics_[index].load(asked.order, asked.place);
}

void world::store(const struct model_site *site, const void *word, uint64_t value) {
    const unsigned at = step(site);
    if (wish.dropped[at]) {
        return;
    }
    const struct asked &asked = asked_at(at);
    const unsigned index = index_of(word);
    const bool is_seq = index > 0 && index <= depth_ * SLOT_WORDS && (index - 1) % SLOT_WORDS == 0;
    if (is_seq && value % 2 == 0) {
        const uint64_t count = value / 2;
        RULE(count < COUNT_MAX && committed[count] == 0, "one number, one content");
        committed[count] = mine().content;
        newest = count;
    }
    if (is_plain(index)) {
        plain_[index](asked.place).store(value);
    } else {
        atomics_[index].store(value, asked.order, asked.place);
    }
}

void world::fence(const struct model_site *site) {
    const struct asked &asked = asked_at(step(site));
    if (asked.order != rl::mo_relaxed) {
        rl::atomic_thread_fence(asked.order, asked.place);
    }
}

extern "C" uint64_t model_load(const struct model_site *site, const struct amp_word *word) {
    return world.load(site, word);
}

extern "C" void model_store(const struct model_site *site, struct amp_word *word, uint64_t value) {
    world.store(site, word, value);
}

extern "C" void model_fence(const struct model_site *site) {
    world.fence(site);
}
