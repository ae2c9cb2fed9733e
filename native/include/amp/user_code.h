/* user_code.h: a plant or a law of your own, in one C file.
 *
 * Include this file, define amp_user_plant or amp_user_law, and name the C file in the board or in
 * the spec; `amphost build` compiles it. Numbers are doubles in the units of the YAML. State is
 * memory that the caller gives: |state_size| bytes, aligned to 64, all zero before the first call
 * and nobody else's. One thread calls, one call at a time.
 *
 * The functions are called in a real-time loop: no allocation, no lock, no file, no output, no
 * waiting, and no loop whose end depends on a value that comes from outside. A law runs in a
 * sandbox: a system call ends its process, and the system goes safe.
 */
#ifndef AMP_USER_CODE_H
#define AMP_USER_CODE_H

#include <stdint.h>

/// Write it into |abi|. Another number is refused when the file is loaded.
#define AMP_USER_ABI 1
#define AMP_USER_STATE_MAX 1048576
/// A plant's step is never longer: what the device was late by comes as several steps.
#define AMP_USER_PLANT_STEP_S 0.001

/// What a loopback device drives.
struct amp_user_plant {
    uint32_t abi;          /* AMP_USER_ABI */
    uint32_t drive_count;  /* how many values the device accepts */
    uint32_t sensed_count; /* how many it sends */
    uint32_t state_size;   /* bytes, at most AMP_USER_STATE_MAX; may be 0 */
    /// At power-up: write the state, and into |sensed| what the sensors say.
    void (*init)(void *state, double *sensed);
    /// |dt_s| seconds pass, in (0, AMP_USER_PLANT_STEP_S], while |drives| stand still: move the
    /// state, write |sensed|. Both arrays are in the order of the board file.
    void (*step)(void *state, double dt_s, const double *drives, double *sensed);
};

/// What a control role computes, instead of blocks.
struct amp_user_law {
    uint32_t abi;          /* AMP_USER_ABI */
    uint32_t input_count;  /* how many values the role reads */
    uint32_t output_count; /* how many it writes */
    uint32_t state_size;   /* bytes, at most AMP_USER_STATE_MAX; may be 0 */
    /// At each act of arming: back to the beginning.
    void (*reset)(void *state);
    /// One period: |inputs| -> |outputs|, in the order of `reads` and of `writes`. An output that
    /// is not finite or outside its range never leaves: the system goes safe. So limit it here.
    void (*step)(void *state, const double *inputs, double *outputs, double dt_s);
};

/* Everything else in the file stays hidden. */
#pragma GCC visibility push(default)
extern const struct amp_user_plant amp_user_plant;
extern const struct amp_user_law amp_user_law;
#pragma GCC visibility pop

#endif
