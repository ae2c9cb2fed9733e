/* The hammer itself: it hits, it sees its broken twin, and it refuses what it cannot do. */
#include "amp/selftest.h"
#include "check.h"

#include <sched.h>
#include <string.h>

static struct amp_selftest_setting setting_of(amp_ns duration) {
    const struct amp_selftest_setting setting = {
        .writer_core = -1, .reader_count = 1, .reader_cores = {-1}, .duration = duration};
    return setting;
}

static void test_mailbox_stands_the_hammer_and_the_twin_does_not(void) {
    struct amp_selftest_result all = {0};
    for (int round = 0; round < 40 && all.control_torn == 0; round++) {
        const struct amp_selftest_setting setting = setting_of(100000000);
        struct amp_selftest_result result;
        CHECK(amp_selftest(&setting, &result) == 0);
        CHECK(result.torn_accepted == 0);
        CHECK(result.order_broken == 0);
        CHECK(result.loss_wrong == 0);
        all.published += result.published;
        all.read += result.read;
        all.control_torn += result.control_torn;
    }
    printf("%llu published, %llu read, control torn %llu\n", (unsigned long long)all.published,
           (unsigned long long)all.read, (unsigned long long)all.control_torn);
    CHECK(all.published > 0 && all.read > 0);
    CHECK(all.control_torn > 0);
}

static void test_several_readers_each_have_a_share(void) {
    struct amp_selftest_setting setting = setting_of(50000000);
    struct amp_selftest_result result;
    setting.reader_count = 3;
    memset(setting.reader_cores, -1, sizeof setting.reader_cores);
    CHECK(amp_selftest(&setting, &result) == 0);
    CHECK(result.torn_accepted == 0 && result.order_broken == 0 && result.loss_wrong == 0);
    CHECK(result.read > 0);
}

static void test_setting_out_of_range_is_refused(void) {
    struct amp_selftest_result result;
    struct amp_selftest_setting setting = setting_of(0);
    CHECK(amp_selftest(&setting, &result) == -AMP_EARG);
    setting = setting_of(1);
    setting.reader_count = 0;
    CHECK(amp_selftest(&setting, &result) == -AMP_EARG);
    setting.reader_count = AMP_SELFTEST_READERS_MAX + 1;
    CHECK(amp_selftest(&setting, &result) == -AMP_EARG);
    setting = setting_of(1);
    setting.writer_core = -2;
    CHECK(amp_selftest(&setting, &result) == -AMP_EARG);
    setting = setting_of(1);
    setting.reader_cores[0] = 1 << 20;
    CHECK(amp_selftest(&setting, &result) == -AMP_EARG);
}

static void test_core_that_is_not_there_is_said(void) {
    struct amp_selftest_result result;
    struct amp_selftest_setting setting = setting_of(1000000);
    setting.reader_cores[0] = 1000; /* under CPU_SETSIZE, on no machine of ours */
    CHECK(amp_selftest(&setting, &result) == -AMP_ESYS);
}

int main(void) {
    RUN(test_mailbox_stands_the_hammer_and_the_twin_does_not);
    RUN(test_several_readers_each_have_a_share);
    RUN(test_setting_out_of_range_is_refused);
    RUN(test_core_that_is_not_there_is_said);
    return CHECK_DONE();
}
