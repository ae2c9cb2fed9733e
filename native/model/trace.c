/* trace.c: run the mailbox's functions one after the other and print every access they make.
 *
 *     trace DEPTH WORDS COMMAND...
 *
 * Commands: set WORD VALUE | later COUNT WORD VALUE (another process sets it after so many
 * accesses from here) | attach EPOCH | publish | latest | open | next | drain | push | reopen
 * | take | done
 *
 * An access is a line `word value site`, a fence `- 0 site`, the end of a command `= command
 * result position`. Words are latest, cursor, slot0.seq, slot0.t_ns, slot0.mark, slot0.words0 and so
 * on. What is published under a number is content_of() of tests/model/steps.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox.h"
#include "sites.h"

#define ROOM 4096
#define CURSOR (ROOM / 8)
#define HEADER_WORDS 3
#define WORDS_MAX 8
#define DRAINED 3

uint32_t model_depth_min;

static uint64_t memory[ROOM / 8 + 1]; /* the channel; the queue's cursor */
static unsigned char *const region = (unsigned char *)0x100000; /* addresses only */
static uint32_t words;
static struct amp_channel channel;
static struct amp_cursor cursor;
static struct amp_queue queue;
static struct amp_queue_reader reader;
static uint32_t epoch;
static struct {
    uint64_t accesses;
    const char *word;
    uint64_t value;
} later;

static _Noreturn void refuse(const char *what) {
    (void)fprintf(stderr, "trace: %s\n", what);
    exit(2);
}

static size_t index_of(const struct amp_word *word) {
    const size_t offset = (size_t)((const unsigned char *)word - region);
    if (offset == ROOM + model_cursor_offset()) {
        return CURSOR;
    }
    if (offset >= ROOM || offset % 8 != 0) {
        refuse("an access to no word of the mailbox");
    }
    return offset / 8;
}

static size_t slot_index(uint64_t slot, uint64_t word) {
    return 8 + slot * (channel.stride / 8) + word;
}

static void print_word(size_t index) {
    static const char *const HEADER[HEADER_WORDS] = {"seq", "t_ns", "mark"};
    if (index == 0 || index == CURSOR) {
        (void)printf("%s", index == 0 ? "latest" : "cursor");
        return;
    }
    const size_t slot = (index - 8) / (channel.stride / 8);
    const size_t word = (index - 8) % (channel.stride / 8);
    if (word < HEADER_WORDS) {
        (void)printf("slot%zu.%s", slot, HEADER[word]);
    } else {
        (void)printf("slot%zu.words%zu", slot, word - HEADER_WORDS);
    }
}

static void set_word(const char *name, uint64_t value) {
    unsigned slot;
    unsigned word;
    if (strcmp(name, "latest") == 0) {
        memory[0] = value;
    } else if (strcmp(name, "cursor") == 0) {
        memory[CURSOR] = value;
    } else if (sscanf(name, "slot%u.words%u", &slot, &word) == 2) {
        memory[slot_index(slot, HEADER_WORDS + word)] = value;
    } else if (sscanf(name, "slot%u.", &slot) == 1) {
        const char *const dot = strchr(name, '.');
        memory[slot_index(slot, dot[1] == 's' ? 0 : dot[1] == 't' ? 1 : 2)] = value;
    } else {
        refuse("no such word");
    }
}

static void after_access(void) {
    if (later.accesses > 0 && --later.accesses == 0) {
        set_word(later.word, later.value);
    }
}

uint64_t model_load(const struct model_site *site, const struct amp_word *word) {
    const size_t index = index_of(word);
    print_word(index);
    const uint64_t value = memory[index];
    (void)printf(" %llu %s\n", (unsigned long long)value, model_site_name(site));
    after_access();
    return value;
}

void model_store(const struct model_site *site, struct amp_word *word, uint64_t value) {
    const size_t index = index_of(word);
    print_word(index);
    (void)printf(" %llu %s\n", (unsigned long long)value, model_site_name(site));
    memory[index] = value;
    after_access();
}

void model_fence(const struct model_site *site) {
    (void)printf("- 0 %s\n", model_site_name(site));
    after_access();
}

static uint64_t put(bool in_queue) {
    const uint64_t content = (memory[0] + 1) * 16 + epoch;
    uint64_t values[WORDS_MAX];
    for (uint32_t i = 0; i < words; i++) {
        values[i] = content;
    }
    if (in_queue) {
        return amp_queue_push(&queue, (amp_ns)content, (uint32_t)content, values);
    }
    amp_channel_publish(&channel, (amp_ns)content, (uint32_t)content, values);
    return 0;
}

static void end(const char *command, uint64_t result, uint64_t position) {
    (void)printf("= %s %llu %llu\n", command, (unsigned long long)result,
                 (unsigned long long)position);
}

static void run(const char *command) {
    struct model_sample sample = {0};
    struct amp_sample *const out = (void *)&sample;
    uint64_t torn = 0;
    if (strcmp(command, "publish") == 0 || strcmp(command, "push") == 0) {
        end(command, put(command[2] == 's'), 0);
    } else if (strcmp(command, "latest") == 0) {
        const enum amp_read got = amp_channel_latest(&channel, out, &torn);
        end(command, got, got == AMP_READ_VALUE ? sample.count : 0);
    } else if (strcmp(command, "open") == 0) {
        amp_cursor_open(&cursor, &channel, AMP_START_OLDEST);
        end(command, 0, cursor.position);
    } else if (strcmp(command, "next") == 0) {
        const enum amp_read got = amp_cursor_next(&cursor, out);
        end(command, got, cursor.position);
    } else if (strcmp(command, "drain") == 0) {
        uint64_t records[DRAINED * (HEADER_WORDS + WORDS_MAX)];
        const size_t got = amp_cursor_drain(&cursor, records, DRAINED);
        end(command, got, cursor.position);
    } else if (strcmp(command, "reopen") == 0) {
        const int error = amp_queue_reader_open(&reader, &channel, (void *)(region + ROOM), 0);
        end(command, (uint64_t)error, reader.cursor.position);
    } else if (strcmp(command, "take") == 0) {
        const enum amp_read got = amp_queue_next(&reader, out);
        end(command, got, reader.cursor.position);
    } else if (strcmp(command, "done") == 0) {
        amp_queue_done(&reader);
        end(command, 0, reader.cursor.position);
    } else {
        refuse("no such command");
    }
}

static uint64_t number(int count, char **arguments, int index) {
    if (index >= count) {
        refuse("a number is missing");
    }
    return strtoull(arguments[index], NULL, 10);
}

int main(int count, char **arguments) {
    const uint32_t depth = (uint32_t)number(count, arguments, 1);
    words = (uint32_t)number(count, arguments, 2);
    model_depth_min = depth < 4 ? depth : 4;
    if (words > WORDS_MAX || amp_channel_bind(&channel, region, ROOM, words, depth) != AMP_OK) {
        refuse("no such channel");
    }
    for (int i = 3; i < count; i++) {
        if (strcmp(arguments[i], "set") == 0) {
            set_word(arguments[i + 1], number(count, arguments, i + 2));
            i += 2;
        } else if (strcmp(arguments[i], "later") == 0) {
            later.accesses = number(count, arguments, i + 1);
            later.value = number(count, arguments, i + 3);
            later.word = arguments[i + 2];
            i += 3;
        } else if (strcmp(arguments[i], "attach") == 0) {
            epoch = (uint32_t)number(count, arguments, ++i);
            end("attach", amp_channel_attach(&channel, epoch), 0);
            (void)amp_queue_open(&queue, &channel, (void *)(region + ROOM), 0);
        } else {
            run(arguments[i]);
        }
    }
    return 0;
}
