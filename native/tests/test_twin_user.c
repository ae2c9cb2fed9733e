#include "twin_box.h"

/* Two values in, two out: it integrates the first and counts its steps. */
struct box_plant {
    double sum;
    double steps;
    double longest_s;
};

static void plant_init(void *state, double *sensed) {
    struct box_plant *const plant = state;
    *plant = (struct box_plant){.sum = 2.5};
    sensed[0] = plant->sum;
    sensed[1] = 0.0;
}

static void plant_step(void *state, double dt_s, const double *drives, double *sensed) {
    struct box_plant *const plant = state;
    plant->sum += drives[0] * dt_s;
    plant->steps += 1.0;
    plant->longest_s = dt_s > plant->longest_s ? dt_s : plant->longest_s;
    CHECK(dt_s > 0.0);
    sensed[0] = plant->sum;
    sensed[1] = plant->steps;
}

static struct box_plant state;

static struct amp_user_plant valid(void) {
    return (struct amp_user_plant){
        .abi = AMP_USER_ABI,
        .drive_count = 1,
        .sensed_count = 2,
        .state_size = sizeof(struct box_plant),
        .init = plant_init,
        .step = plant_step,
    };
}

static struct amp_twin_config with_user(const struct amp_user_plant *user) {
    struct amp_twin_config with = config();
    with.user = user;
    with.user_state = &state;
    return with;
}

static void test_it_is_driven_and_sensed(void) {
    const struct amp_user_plant user = valid();
    const struct amp_twin_config with = with_user(&user);
    begin(&with);
    run_ms(5);
    CHECK(host.position == 2.5f && host.current > 0.0f);
    arm_and_drive(6.0f);
    CHECK(state.sum > 2.5);
    CHECK(fabs((double)host.position - state.sum) < 6.0 * 0.002);
}

static void test_a_late_step_comes_as_several(void) {
    const struct amp_user_plant user = valid();
    const struct amp_twin_config with = with_user(&user);
    begin(&with);
    run_twin(MS);
    const double before = state.steps;
    box.stall_at = box.now + MS;
    box.stall_ns = 50 * MS;
    run_twin(60 * MS);
    CHECK(state.longest_s <= AMP_USER_PLANT_STEP_S);
    CHECK(state.steps - before >= 50.0 + 4.0 * 9.0);
}

static void test_it_is_held_until_it_is_armed(void) {
    const struct amp_user_plant user = valid();
    struct amp_twin_config with = with_user(&user);
    with.held = true;
    begin(&with);
    run_ms(5);
    CHECK(state.steps == 0.0 && host.position == 2.5f);
}

static void test_another_shape_is_refused(void) {
    struct amp_user_plant users[6];
    for (int index = 0; index < 6; index++) {
        users[index] = valid();
    }
    users[0].abi = AMP_USER_ABI + 1;
    users[1].drive_count = 2;
    users[2].sensed_count = 1;
    users[3].init = NULL;
    users[4].step = NULL;
    for (int index = 0; index < 6; index++) {
        struct amp_twin_config with = with_user(&users[index]);
        with.user_state = index == 5 ? NULL : &state;
        CHECK(amp_twin_init(&twin, &with, &platform) == -AMP_EARG);
    }
    begin_default();
    run_ms(5);
    CHECK(host.states > 0 && host.position == 0.0f);
}

int main(void) {
    RUN(test_it_is_driven_and_sensed);
    RUN(test_a_late_step_comes_as_several);
    RUN(test_it_is_held_until_it_is_armed);
    RUN(test_another_shape_is_refused);
    return CHECK_DONE();
}
