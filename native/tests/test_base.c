/* What a failed assertion does: the last words, then the end of the process. The processes that end
 * here share one page with us, to be read afterwards.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop_rig.h"

static struct left_behind {
    int line;
    int calls;
    bool context_was_ours;
    uint64_t count;
    uint64_t mark;
    double out[2];
    struct amp_fault_view faults;
} *left_behind;

/* How a child ends that does |act|: its signal, or minus its exit code. */
static int ending_of(void (*act)(void)) {
    memset(left_behind, 0, sizeof *left_behind);
    (void)fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit no_core = {.rlim_cur = 0, .rlim_max = 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL);
        (void)freopen("/dev/null", "w", stderr);
        act();
        _exit(7);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void say_last_words(void *context, int line) {
    left_behind->calls++;
    left_behind->line = line;
    left_behind->context_was_ours = context == &left_behind;
}

static void assert_true(void) {
    amp_assert_set_last_words(say_last_words, &left_behind);
    AMP_ASSERT(left_behind != NULL);
}

static void assert_false(void) {
    amp_assert_set_last_words(say_last_words, &left_behind);
    amp_assert_fail("here.c", 123);
}

static void assert_false_without_words(void) {
    amp_assert_set_last_words(say_last_words, &left_behind);
    amp_assert_set_last_words(NULL, NULL);
    AMP_ASSERT(left_behind == NULL);
}

static void test_assertion_when_true_does_nothing(void) {
    CHECK(ending_of(assert_true) == -7);
    CHECK(left_behind->calls == 0);
}

static void test_assertion_when_false_says_its_last_words_and_aborts(void) {
    CHECK(ending_of(assert_false) == SIGABRT);
    CHECK(left_behind->calls == 1 && left_behind->line == 123 && left_behind->context_was_ours);
}

/* A standard error that nobody reads, and that is full. */
static void assert_false_where_nobody_listens(void) {
    int ends[2];
    static const char bytes[4096];
    if (pipe(ends) != 0 || fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0) {
        _exit(1);
    }
    while (write(ends[1], bytes, sizeof bytes) > 0) { /* until it is full */
    }
    (void)fcntl(ends[1], F_SETFL, 0);
    (void)dup2(ends[1], STDERR_FILENO);
    (void)setvbuf(stderr, NULL, _IONBF, 0);
    (void)alarm(1);
    assert_false();
}

static void say_wrong_words(void *context, int line) {
    say_last_words(context, line);
    AMP_ASSERT(left_behind->calls > 1000);
}

static void assert_false_with_wrong_words(void) {
    amp_assert_set_last_words(say_wrong_words, &left_behind);
    amp_assert_fail("here.c", 123);
}

static void test_last_words_wait_for_nobody(void) {
    CHECK(ending_of(assert_false_where_nobody_listens) == SIGALRM);
    CHECK(left_behind->calls == 1);
}

static void test_an_assertion_in_the_last_words_is_the_end(void) {
    CHECK(ending_of(assert_false_with_wrong_words) == SIGABRT);
    CHECK(left_behind->calls == 1);
}

static void test_assertion_without_last_words_aborts(void) {
    CHECK(ending_of(assert_false_without_words) == SIGABRT);
    CHECK(left_behind->calls == 0);
}

/* The loop's last words are its safe values. What it published is copied out at the abort. */

static void copy_out(int signal_number) {
    (void)signal_number;
    (void)amp_channel_latest(&rig.loop.channel, &rig_last.sample, NULL);
    left_behind->count = rig_last.sample.count;
    left_behind->mark = rig_last.sample.mark;
    left_behind->out[0] = rig_out(0);
    left_behind->out[1] = rig_out(1);
    left_behind->faults = rig_faults();
    _exit(3);
}

static void assert_false_in_the_middle_of_a_run(void) {
    rig_prepare();
    rig.loop.outputs[0].safe = 1.25;
    rig.loop.outputs[0].ramp_per_s = 1;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig_run_armed(1);
    (void)signal(SIGABRT, copy_out);
    amp_assert_fail("law.c", 77);
}

static void test_assertion_in_a_loop_publishes_the_safe_values(void) {
    CHECK(ending_of(assert_false_in_the_middle_of_a_run) == -3);
    CHECK(left_behind->count == 4);
    CHECK(rig_near(left_behind->out[0], 1.25) && rig_near(left_behind->out[1], 0));
    CHECK(left_behind->mark >> 32 == AMP_FLAG_AT_SAFE);
    CHECK(left_behind->faults.first == AMP_FAULT_ASSERT && left_behind->faults.argument == 77);
}

int main(void) {
    left_behind =
        mmap(NULL, sizeof *left_behind, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    RUN(test_assertion_when_true_does_nothing);
    RUN(test_assertion_when_false_says_its_last_words_and_aborts);
    RUN(test_last_words_wait_for_nobody);
    RUN(test_an_assertion_in_the_last_words_is_the_end);
    RUN(test_assertion_without_last_words_aborts);
    RUN(test_assertion_in_a_loop_publishes_the_safe_values);
    return CHECK_DONE();
}
