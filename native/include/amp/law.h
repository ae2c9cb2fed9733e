/* law.h: the control computation as the loop sees it: pure given state and inputs.
 *
 * A law reads no clock, keeps no time but |dt_s|, and touches nothing but its state; that is what
 * lets one native loop run it under the real clock, in virtual time and in a replay.
 */
#ifndef AMP_LAW_H
#define AMP_LAW_H

#include "amp/base.h"

struct amp_law {
    void *state;
    /// Back to the initial state; called at each act of arming.
    void (*reset)(void *state);
    /// One period of |dt_s| seconds: |inputs| -> |outputs|, in the units of the plan.
    void (*step)(void *state, const double *inputs, double *outputs, double dt_s);
};

#endif
