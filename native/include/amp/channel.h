/* channel.h: the one primitive of the mailbox: N latched slots, one writer, any number of readers.
 *
 * Depth 4 read with amp_channel_latest() is a latest-value cell. A deep channel read through a
 * cursor is a log in which each reader counts its own exact loss. The writer never looks at a
 * reader, takes no lock and makes no system call, so nobody can delay or spoil it; a writer that
 * dies at any instruction leaves the last committed value readable. A slot's sequence word is odd
 * while the slot is written and then exactly twice the publication's count: "even" alone would let
 * a reader see a newer value and then an older one.
 *
 * Algorithm and proof obligations: docs/mailbox.md. The payload words are relaxed atomics after
 * H.-J. Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012.
 */
#ifndef AMP_CHANNEL_H
#define AMP_CHANNEL_H

#include "amp/base.h"

/// Most words in one publication.
#define AMP_CHANNEL_WORDS_MAX 1024
/// Fewest and most slots of a channel; always a power of two.
#define AMP_CHANNEL_DEPTH_MIN 4
#define AMP_CHANNEL_DEPTH_MAX 1048576
/// Tries of one bounded read.
#define AMP_CHANNEL_TRIES 4

/// Flags of a publication, in the upper half of its mark; the lower half is the writer's epoch.
#define AMP_FLAG_ARMED 1   /* the writer was armed when it published */
#define AMP_FLAG_AT_SAFE 2 /* every output of this publication stands at its safe value */
#define AMP_FLAG_STALE 4   /* an input was stale, its policy was at work */

/// A publication as a reader gets it. |words| has as many entries as the channel has words.
struct amp_sample {
    uint64_t count; /* 1 for the first publication of the channel; never repeats */
    amp_ns t_ns;    /* when the writer published it */
    uint64_t mark;  /* epoch | flags << 32 */
    uint64_t words[];
};

/// What a read came back with.
enum amp_read {
    AMP_READ_NEVER = 0,  /* nothing was ever published, or the channel cannot be read */
    AMP_READ_VALUE = 1,  /* |out| holds a whole publication */
    AMP_READ_NO_NEW = 2, /* four tries were torn: keep the old value, its age grows */
    AMP_READ_EMPTY = 3,  /* a cursor has nothing further to read */
};

/// Where a cursor starts. Late joiners would otherwise count loss that is none.
enum amp_start {
    AMP_START_LATEST = 0, /* only what comes */
    AMP_START_OLDEST = 1, /* what is still there, less an eighth of the depth */
};

/// A process's own view of a channel: plain pointers into a mapped segment. Not shared.
struct amp_channel {
    void *line;  /* the writer's line: `latest` */
    void *slots; /* slot 0 */
    uint64_t mask;
    uint32_t words;
    uint32_t stride; /* bytes from slot to slot */
    uint64_t mark;   /* epoch of the writer; 0 for a reader */
};

/// A reader's place in a log. Not shared.
struct amp_cursor {
    struct amp_channel channel;
    uint64_t position; /* count of the last publication read */
    uint64_t lost;     /* publications overwritten before they were read */
    uint64_t torn;     /* reads that overlapped a write and were discarded */
};

/// Bytes that a channel takes in a segment; 0 when |words| is outside [1, 1024], |depth| is no
/// power of two in [4, 1048576], or no size_t holds it.
/// Context: any.
size_t amp_channel_size(uint32_t words, uint32_t depth);

/// View a channel at |at|, which is cache-line aligned and has |room| bytes.
/// Returns 0; -AMP_EARG for words, depth or alignment; -AMP_EROOM when it does not fit.
/// Context: init.
int amp_channel_bind(struct amp_channel *channel, void *at, size_t room, uint32_t words,
                     uint32_t depth);

/// Become the channel's writer, as |epoch|. Only after the predecessor is proven dead. If it died
/// between its last two stores, they are finished here: a committed slot is never written again
/// under the same number. Returns the count of the newest publication, 0 for none.
/// Context: init. One writer.
uint64_t amp_channel_attach(struct amp_channel *channel, uint32_t epoch);

/// Publish |words| (as many as the channel has) with |flags|, stamped |t_ns|.
/// Context: real-time. Progress: wait-free. Cost: words + 5 stores. One writer, one thread.
void amp_channel_publish(struct amp_channel *channel, amp_ns t_ns, uint32_t flags,
                         const uint64_t *words);

/// Publish |messages| times, each with |flags| and stamped |t_ns|: |words| holds the payloads one
/// after the other. The same stores in the same order as amp_channel_publish(), one message at a time.
/// Context: real-time. Progress: wait-free. Cost: as many publishes. One writer, one thread.
void amp_channel_publish_many(struct amp_channel *channel, amp_ns t_ns, uint32_t flags,
                              const uint64_t *words, size_t messages);

/// Copy the newest whole publication into |out|.
/// Returns AMP_READ_VALUE, AMP_READ_NEVER or AMP_READ_NO_NEW; |out| is unspecified but for the
/// first. |torn|, which may be NULL, grows by the reads that were discarded.
/// Context: real-time. Progress: bounded (4). Cost: words + 5 loads.
enum amp_read amp_channel_latest(const struct amp_channel *channel, struct amp_sample *out,
                                 uint64_t *torn);

/// The count of the newest publication; 0 for none. Monitors subtract signed: a cursor may be one
/// ahead of it for a moment.
/// Context: real-time. Progress: wait-free.
uint64_t amp_channel_count(const struct amp_channel *channel);

/// Open a cursor. AMP_START_OLDEST leaves an eighth of the depth, at least one slot, between it and
/// the writer: on a full log the very next publication would lap it otherwise, and a lap skips half.
/// Context: any. Progress: wait-free.
void amp_cursor_open(struct amp_cursor *cursor, const struct amp_channel *channel,
                     enum amp_start start);

/// Copy the next publication into |out|: AMP_READ_VALUE or AMP_READ_EMPTY. A reader that was lapped
/// skips forward, never backward, and adds exactly what it skipped to |lost|.
/// Context: real-time. Progress: bounded (4). Cost: words + 4 loads.
enum amp_read amp_cursor_next(struct amp_cursor *cursor, struct amp_sample *out);

/// Read up to |most| publications into |records|, each 3 + words 64-bit words in the order of
/// struct amp_sample. Returns how many.
/// Context: real-time. Progress: bounded (|most|).
size_t amp_cursor_drain(struct amp_cursor *cursor, uint64_t *records, size_t most);

#endif
