/* What a role says about itself: buckets, quantiles, the fault latch, the heartbeat. */
#include <stdlib.h>
#include <string.h>

#include "../src/layout.h"
#include "amp/stats.h"
#include "check.h"
#include "seeded.h"

#define TOP ((amp_ns)1 << 40)

static struct amp_owner owner;

static void blank_owner(void) {
    memset(&owner, 0, sizeof owner);
}

/* Buckets. */

static void test_small_values_have_a_bucket_each(void) {
    for (amp_ns value = 0; value < 32; value++) {
        CHECK(amp_bucket_of(value) == (uint32_t)value);
        CHECK(amp_bucket_top((uint32_t)value) == value);
    }
}

static void test_every_bucket_has_its_own_top(void) {
    for (uint32_t bucket = 0; bucket + 1 < AMP_BUCKETS; bucket++) {
        const amp_ns top = amp_bucket_top(bucket);
        CHECK(amp_bucket_of(top) == bucket);
        CHECK(amp_bucket_of(top + 1) == bucket + 1);
        CHECK(amp_bucket_top(bucket + 1) > top);
    }
}

static void test_the_last_bucket_takes_what_is_longer(void) {
    CHECK(amp_bucket_of(TOP - 1) == AMP_BUCKETS - 1);
    CHECK(amp_bucket_of(TOP) == AMP_BUCKETS - 1);
    CHECK(amp_bucket_of(INT64_MAX) == AMP_BUCKETS - 1);
}

static void test_a_negative_value_counts_as_nothing(void) {
    CHECK(amp_bucket_of(-1) == 0);
    CHECK(amp_bucket_of(INT64_MIN) == 0);
}

static void check_bucket(amp_ns value) {
    const uint32_t bucket = amp_bucket_of(value);
    CHECK(bucket < AMP_BUCKETS);
    const amp_ns top = amp_bucket_top(bucket);
    CHECK(top >= value);
    CHECK((top - value) * 32 <= value); /* at most 1/32 above */
}

static void test_bucket_top_is_at_most_a_32nd_above_any_value(void) {
    for (int bit = 0; bit < 40; bit++) {
        for (amp_ns near = -33; near <= 33; near++) {
            const amp_ns value = ((amp_ns)1 << bit) + near;
            if (value >= 0 && value < TOP) {
                check_bucket(value);
            }
        }
    }
    for (int i = 0; i < 200000; i++) {
        check_bucket((amp_ns)(seeded_next() >> (24 + seeded_below(40))));
    }
}

static void test_bucket_grows_with_its_value(void) {
    for (int i = 0; i < 200000; i++) {
        const amp_ns low = (amp_ns)(seeded_next() >> (2 + seeded_below(61)));
        const amp_ns high = low + (amp_ns)(seeded_next() >> (3 + seeded_below(60)));
        CHECK(amp_bucket_of(low) <= amp_bucket_of(high));
    }
}

/* Quantiles. */

#define VALUES 20000
static amp_ns values[VALUES];

static int by_size(const void *left, const void *right) {
    const amp_ns a = *(const amp_ns *)left;
    const amp_ns b = *(const amp_ns *)right;
    return (a > b) - (a < b);
}

/* The smallest value that at least |permille| of |count| sorted values do not exceed. */
static amp_ns quantile(size_t count, size_t permille) {
    const size_t rank = (count * permille + 999) / 1000;
    return values[rank - 1];
}

static void check_quantile(amp_ns claimed, amp_ns exact) {
    CHECK(claimed >= exact);
    CHECK((claimed - exact) * 32 <= exact);
}

static void check_summary(size_t count) {
    struct amp_summary summary;
    double sum = 0;
    blank_owner();
    for (size_t i = 0; i < count; i++) {
        amp_owner_record(&owner, AMP_HISTOGRAM_WAKEUP, values[i]);
        sum += (double)values[i];
    }
    qsort(values, count, sizeof values[0], by_size);
    amp_owner_summary(&owner, AMP_HISTOGRAM_WAKEUP, &summary);
    CHECK(summary.count == count);
    CHECK(summary.max_ns == values[count - 1]);
    const double mean = sum / (double)count;
    CHECK(summary.mean_ns >= mean * (1 - 1e-9) && summary.mean_ns <= mean * (1 + 1e-9));
    check_quantile(summary.p50_ns, quantile(count, 500));
    check_quantile(summary.p99_ns, quantile(count, 990));
    check_quantile(summary.p999_ns, quantile(count, 999));
    CHECK(summary.p50_ns <= summary.p99_ns && summary.p99_ns <= summary.p999_ns);
    CHECK(summary.p999_ns <= summary.max_ns);
}

static void test_summary_when_nothing_was_recorded(void) {
    struct amp_summary summary;
    memset(&summary, 0x5a, sizeof summary);
    blank_owner();
    amp_owner_summary(&owner, AMP_HISTOGRAM_EXECUTION, &summary);
    CHECK(summary.count == 0 && summary.max_ns == 0);
    CHECK(summary.mean_ns >= 0 && summary.mean_ns <= 0);
    CHECK(summary.p50_ns == 0 && summary.p99_ns == 0 && summary.p999_ns == 0);
}

static void test_summary_of_one_value(void) {
    static const amp_ns single[] = {0, 1, 31, 32, 1000, 123456789, TOP - 1};
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        values[0] = single[i];
        check_summary(1);
    }
}

static void test_summary_of_few_values_takes_the_right_one(void) {
    for (size_t count = 2; count <= 12; count++) {
        for (size_t i = 0; i < count; i++) {
            values[i] = (amp_ns)(1000 * (i + 1));
        }
        check_summary(count);
    }
}

static void test_summary_against_an_exact_sort(void) {
    for (int round = 0; round < 10; round++) {
        const uint64_t shift = 24 + seeded_below(30);
        for (size_t i = 0; i < VALUES; i++) {
            values[i] = (amp_ns)(seeded_next() >> (shift + seeded_below(10)));
        }
        check_summary(1 + (size_t)seeded_below(VALUES));
    }
}

static void test_longer_values_keep_an_exact_max(void) {
    struct amp_summary summary;
    blank_owner();
    amp_owner_record(&owner, AMP_HISTOGRAM_RESPONSE, TOP * 5 + 3);
    amp_owner_record(&owner, AMP_HISTOGRAM_RESPONSE, -17);
    amp_owner_summary(&owner, AMP_HISTOGRAM_RESPONSE, &summary);
    CHECK(summary.count == 2 && summary.max_ns == TOP * 5 + 3);
    CHECK(summary.p50_ns == 0);
}

static void test_histograms_are_apart(void) {
    struct amp_summary summary;
    blank_owner();
    for (int h = 0; h < AMP_HISTOGRAM_COUNT; h++) {
        for (int i = 0; i <= h; i++) {
            amp_owner_record(&owner, (enum amp_histogram)h, 100 * (h + 1));
        }
    }
    for (int h = 0; h < AMP_HISTOGRAM_COUNT; h++) {
        amp_owner_summary(&owner, (enum amp_histogram)h, &summary);
        CHECK(summary.count == (uint64_t)h + 1);
        CHECK(summary.max_ns == 100 * (h + 1));
    }
}

/* Faults. */

static void test_faults_when_there_were_none(void) {
    struct amp_fault_view view;
    memset(&view, 0x5a, sizeof view);
    blank_owner();
    amp_owner_faults(&owner, &view);
    CHECK(view.mask == 0 && view.first == AMP_FAULT_NONE && view.events == 0);
}

static void test_first_fault_is_latched_and_every_bit_stays(void) {
    struct amp_fault_view view;
    blank_owner();
    amp_owner_fault(&owner, AMP_FAULT_OVERRUN, -12345, 777);
    for (int fault = 1; fault < AMP_FAULT_COUNT; fault++) {
        amp_owner_fault(&owner, (enum amp_fault)fault, fault, 1000 + fault);
    }
    amp_owner_faults(&owner, &view);
    CHECK(view.mask == (1ull << AMP_FAULT_COUNT) - 2);
    CHECK(view.first == AMP_FAULT_OVERRUN);
    CHECK(view.argument == -12345 && view.first_t_ns == 777);
    CHECK(view.events == AMP_FAULT_COUNT);
}

static void test_fault_when_repeated_is_counted(void) {
    struct amp_fault_view view;
    blank_owner();
    for (int i = 0; i < 1000; i++) {
        amp_owner_fault(&owner, AMP_FAULT_PORT, 5, i + 1);
    }
    amp_owner_faults(&owner, &view);
    CHECK(view.mask == 1ull << AMP_FAULT_PORT);
    CHECK(view.events == 1000 && view.first_t_ns == 1);
}

/* Heartbeat, counters, gauges. */

static void test_heartbeat_counts_progress_and_says_where(void) {
    enum amp_checkpoint checkpoint = AMP_AT_END;
    amp_ns t_ns = 7;
    blank_owner();
    CHECK(amp_owner_heartbeat(&owner, &checkpoint, &t_ns) == 0);
    CHECK(checkpoint == AMP_AT_START && t_ns == 0);
    amp_owner_beat(&owner, AMP_AT_WAIT, 5000);
    CHECK(amp_owner_heartbeat(&owner, &checkpoint, &t_ns) == 1);
    CHECK(checkpoint == AMP_AT_WAIT && t_ns == 5000);
    amp_owner_at(&owner, AMP_AT_LAW);
    CHECK(amp_owner_heartbeat(&owner, &checkpoint, &t_ns) == 1);
    CHECK(checkpoint == AMP_AT_LAW && t_ns == 5000);
    CHECK(amp_owner_heartbeat(&owner, NULL, NULL) == 1);
}

static void test_counters_and_gauges_are_apart(void) {
    blank_owner();
    for (int i = 0; i < AMP_COUNT_COUNT; i++) {
        amp_owner_add(&owner, (enum amp_counter)i, (uint64_t)i);
        amp_owner_add(&owner, (enum amp_counter)i, UINT64_C(1) << 40);
    }
    for (int i = 0; i < AMP_GAUGE_COUNT; i++) {
        amp_owner_set(&owner, (enum amp_gauge)i, UINT64_MAX);
        amp_owner_set(&owner, (enum amp_gauge)i, (uint64_t)i * 3);
    }
    for (int i = 0; i < AMP_COUNT_COUNT; i++) {
        CHECK(amp_owner_counter(&owner, (enum amp_counter)i) == (UINT64_C(1) << 40) + (uint64_t)i);
    }
    for (int i = 0; i < AMP_GAUGE_COUNT; i++) {
        CHECK(amp_owner_gauge(&owner, (enum amp_gauge)i) == (uint64_t)i * 3);
    }
}

static void test_accounting_begins_anew_for_a_successor(void) {
    blank_owner();
    amp_owner_begin(&owner, 1000);
    CHECK(amp_owner_gauge(&owner, AMP_GAUGE_T0_NS) == 1000);
    CHECK(amp_owner_gauge(&owner, AMP_GAUGE_T_STOP_NS) == 0);
    CHECK(amp_owner_gauge(&owner, AMP_GAUGE_BASE_TICKS) == 0);
    amp_owner_add(&owner, AMP_COUNT_TICKS, 40);
    amp_owner_add(&owner, AMP_COUNT_SKIPPED, 2);
    amp_owner_set(&owner, AMP_GAUGE_T_STOP_NS, 43000);
    amp_owner_begin(&owner, 90000);
    CHECK(amp_owner_gauge(&owner, AMP_GAUGE_T0_NS) == 90000);
    CHECK(amp_owner_gauge(&owner, AMP_GAUGE_T_STOP_NS) == 0);
    CHECK(amp_owner_gauge(&owner, AMP_GAUGE_BASE_TICKS) == 42);
    CHECK(amp_owner_counter(&owner, AMP_COUNT_TICKS) == 40);
}

static void test_prefault_changes_nothing_that_can_be_seen(void) {
    static struct amp_owner before;
    blank_owner();
    for (size_t i = 0; i < sizeof owner / 8; i++) {
        ((struct amp_word *)(void *)&owner)[i].value = i * 7 + 1;
    }
    before = owner;
    amp_owner_prefault(&owner);
    CHECK(memcmp(&before, &owner, sizeof owner) == 0);
}

int main(void) {
    seeded_begin();
    RUN(test_small_values_have_a_bucket_each);
    RUN(test_every_bucket_has_its_own_top);
    RUN(test_the_last_bucket_takes_what_is_longer);
    RUN(test_a_negative_value_counts_as_nothing);
    RUN(test_bucket_top_is_at_most_a_32nd_above_any_value);
    RUN(test_bucket_grows_with_its_value);
    RUN(test_summary_when_nothing_was_recorded);
    RUN(test_summary_of_one_value);
    RUN(test_summary_of_few_values_takes_the_right_one);
    RUN(test_summary_against_an_exact_sort);
    RUN(test_longer_values_keep_an_exact_max);
    RUN(test_histograms_are_apart);
    RUN(test_faults_when_there_were_none);
    RUN(test_first_fault_is_latched_and_every_bit_stays);
    RUN(test_fault_when_repeated_is_counted);
    RUN(test_heartbeat_counts_progress_and_says_where);
    RUN(test_counters_and_gauges_are_apart);
    RUN(test_accounting_begins_anew_for_a_successor);
    RUN(test_prefault_changes_nothing_that_can_be_seen);
    return CHECK_DONE();
}
