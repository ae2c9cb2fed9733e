/* said.h: what a firmware tells people, as its io role hands it on: events of its own, and lines.
 *
 * A channel of its own in the io role's memory. The firmware is bounded by its own library; here it
 * is bounded again, because a device is never trusted: what comes faster is counted and dropped, and
 * a letter that is not printable ASCII becomes a question mark.
 */
#ifndef AMP_SAID_H
#define AMP_SAID_H

#include "amp/base.h"
#include "amp/channel.h"
#include "amp/frame.h"

/// So many a second of one device, at most.
#define AMP_SAID_PER_S 40
#define AMP_SAID_TEXT_WORDS 6

/// Words of a publication.
enum amp_said_word {
    AMP_SAID_CODE = 0,      /* of an event; 0: a line */
    AMP_SAID_ARGUMENT = 1,  /* of an event */
    AMP_SAID_DEVICE_US = 2, /* device clock */
    AMP_SAID_DROPPED = 3,   /* so many came too fast until now */
    AMP_SAID_SPOILT = 4,    /* so many letters were replaced until now */
    AMP_SAID_LENGTH = 5,    /* letters of the line */
    AMP_SAID_TEXT = 6,      /* eight letters a word, the first lowest */
    AMP_SAID_WORD_COUNT = 12,
};

/// Zero it, then bind and attach the channel; all zero: nobody listens.
struct amp_said {
    struct amp_channel channel;
    amp_ns second_ns; /* the second that is counted began then */
    uint32_t count;   /* taken in it */
    uint64_t dropped, spoilt;
};

/// Take an EVENT of the firmware's own, or a LOG; nothing happens with anything else.
/// Context: real-time. Progress: bounded (|frame|). One writer.
void amp_said_take(struct amp_said *said, const struct amp_frame *frame, amp_ns now);

#endif
