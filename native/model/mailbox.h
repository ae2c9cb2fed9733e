/* mailbox.h: the mailbox's interface for C++, without the flexible array that C++ does not have. */
#ifndef AMP_MODEL_MAILBOX_H
#define AMP_MODEL_MAILBOX_H

#ifdef __cplusplus
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#define _Noreturn [[noreturn]]
extern "C" {
#endif
#include "amp/channel.h"
#include "amp/queue.h"

/// A sample of at most eight words, the same bytes as struct amp_sample.
struct model_sample {
    uint64_t count;
    amp_ns t_ns;
    uint64_t mark;
    uint64_t words[8];
};

/// Where the cursor word of queue 0 stands in an owner block.
size_t model_cursor_offset(void);
size_t model_owner_size(void);
#ifdef __cplusplus
}
#pragma GCC diagnostic pop
#endif
#endif
