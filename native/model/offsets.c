/* offsets.c: what the models must know of layout.h, which is C. */
#include "amp/channel.h"

#include "../src/layout.h"
#include "mailbox.h"

size_t model_cursor_offset(void) {
    return offsetof(struct amp_owner, queue_cursors);
}

size_t model_owner_size(void) {
    return sizeof(struct amp_owner);
}
