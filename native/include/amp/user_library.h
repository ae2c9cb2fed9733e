/* user_library.h: what user_code.h asks of a user's C file, found in the library made of it.
 *
 * Loading runs whatever the library has to run at its start: it is for the one process that is to
 * run the code, before that process is ready, sandboxed or real-time. A library stays loaded.
 */
#ifndef AMP_USER_LIBRARY_H
#define AMP_USER_LIBRARY_H

#include "amp/base.h"
#include "amp/law.h"
#include "amp/user_code.h"

#define AMP_USER_MESSAGE_MAX 256

/// The limits of user_code.h as constants.
enum amp_user_limits {
    AMP_USER_ABI_TAKEN = AMP_USER_ABI,
    AMP_USER_STATE_TAKEN = AMP_USER_STATE_MAX,
};

enum amp_user_end {
    AMP_USER_LOADED = 0,
    AMP_USER_UNLOADABLE = 1,  /* |message| says why */
    AMP_USER_NO_SYMBOL = 2,   /* it defines no plant, or no law */
    AMP_USER_OTHER_ABI = 3,   /* |abi| is not AMP_USER_ABI; no other field was looked at */
    AMP_USER_NO_FUNCTION = 4, /* a function is missing */
    AMP_USER_STATE = 5,       /* |state_size| is above AMP_USER_STATE_MAX */
};

/// What was found. |ins| are drives or inputs, |outs| sensed values or outputs.
struct amp_user_library {
    uint32_t abi;
    uint32_t ins;
    uint32_t outs;
    uint32_t state_size;
    const struct amp_user_plant *plant;
    const struct amp_user_law *law;
    char message[AMP_USER_MESSAGE_MAX]; /* of the loader, one line */
};

/// Load the library |path| and find its plant. Returns enum amp_user_end.
/// Context: init.
int amp_user_library_plant(struct amp_user_library *library, const char *path);

/// Load the library |path| and find its law. Returns enum amp_user_end.
/// Context: init.
int amp_user_library_law(struct amp_user_library *library, const char *path);

/// Make |law| call what was loaded, with |state| of |state_size| zero bytes, aligned to 64.
/// Context: init.
void amp_user_library_bind(const struct amp_user_library *library, void *state,
                           struct amp_law *law);

#endif
