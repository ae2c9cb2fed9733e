/* A hundred thousand segments of which an enemy wrote every word: a reader may say "no data" and
 * nothing worse. */
#include "check.h"
#include "hostile.h"
#include "seeded.h"

#define SEGMENTS 100000
#define ENEMY_BYTES 512

static void test_hostile_segments_give_no_data_and_nothing_worse(void) {
    uint8_t bytes[ENEMY_BYTES];
    for (long i = 0; i < SEGMENTS; i++) {
        for (size_t at = 0; at < sizeof bytes; at += 8) {
            const uint64_t word = seeded_next();
            memcpy(bytes + at, &word, sizeof word);
        }
        struct enemy enemy = {.bytes = bytes, .size = (size_t)seeded_below(sizeof bytes + 1)};
        const char *const broken = hostile_reads(&enemy);
        if (broken != NULL) {
            printf("segment %ld: %s\n", i, broken);
            CHECK(broken == NULL);
            return;
        }
    }
    printf("%d hostile segments\n", SEGMENTS);
}

/* Broken twin: it believes `latest` and looks at no sequence word. */
static enum amp_read latest_credulous(const struct amp_channel *channel, struct amp_sample *out,
                                      uint64_t *torn) {
    const struct amp_word *const slot = hostile_seq(channel, amp_channel_count(channel));
    (void)torn;
    out->count = amp_channel_count(channel);
    out->words[0] = amp_load_relaxed(slot + 3);
    return out->count == 0 || out->count >= COUNT_END ? AMP_READ_NEVER : AMP_READ_VALUE;
}

static void test_credulous_reader_breaks_the_rules(void) {
    struct enemy enemy = {.bytes = NULL};
    struct hostile_channel made = hostile_bind(&enemy);
    amp_store_relaxed(made.channel.line, 5); /* over an empty slot */
    hostile_latest(&enemy, &made.channel, amp_channel_latest);
    CHECK(enemy.broken == NULL);
    hostile_latest(&enemy, &made.channel, latest_credulous);
    CHECK(enemy.broken != NULL);
    free(made.at);
}

static void test_cursor_on_a_latest_of_all_ones_does_not_wrap_to_a_zeroed_slot(void) {
    struct enemy enemy = {.bytes = NULL};
    struct hostile_channel made = hostile_bind(&enemy);
    struct amp_cursor cursor;
    uint64_t words[3 + HOSTILE_WORDS_MAX];
    amp_store_relaxed(made.channel.line, UINT64_MAX);
    amp_cursor_open(&cursor, &made.channel, AMP_START_LATEST);
    CHECK(amp_cursor_next(&cursor, (void *)words) == AMP_READ_EMPTY);
    CHECK(cursor.lost == 0);
    free(made.at);
}

int main(void) {
    seeded_begin();
    RUN(test_credulous_reader_breaks_the_rules);
    RUN(test_cursor_on_a_latest_of_all_ones_does_not_wrap_to_a_zeroed_slot);
    RUN(test_hostile_segments_give_no_data_and_nothing_worse);
    return CHECK_DONE();
}
