#include "amp/attach.h"

#include <stdlib.h>
#include <string.h>

#include "amp/platform.h"

#define AMP_FIELDS 11 /* of a segment's line, after its first word */
#define AMP_FIELD_ROOM 40
#define AMP_SIZE_FIELD 4
#define AMP_OFFSET_FIELD 8

static const char heading[] = "amphost-mailbox 1";

/* A line's fields as text, in the order that attach.h gives. */
struct fields {
    char text[AMP_FIELDS + 1][AMP_FIELD_ROOM];
};

struct line {
    bool own;
    int descriptor;
    uint64_t offset;
    uint32_t words, depth, epoch;
    struct amp_segment_identity identity;
};

/* Cut |line| at single spaces; false unless it has exactly the right number of short fields. */
static bool split(const char *line, size_t length, struct fields *out) {
    size_t field = 0;
    size_t at = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i < length && line[i] != ' ') {
            if (at + 1 >= AMP_FIELD_ROOM || line[i] == '\0') {
                return false;
            }
            out->text[field][at++] = line[i];
            continue;
        }
        if (at == 0) {
            return false;
        }
        out->text[field][at] = '\0';
        at = 0;
        if (i < length && ++field > AMP_FIELDS) {
            return false;
        }
    }
    return field == AMP_FIELDS;
}

static bool number(const char *text, uint64_t base, uint64_t most, uint64_t *out) {
    uint64_t value = 0;
    for (const char *c = text; *c != '\0'; c++) {
        uint64_t digit = base;
        if (*c >= '0' && *c <= '9') {
            digit = (uint64_t)(*c - '0');
        } else if (base == 16 && *c >= 'a' && *c <= 'f') {
            digit = (uint64_t)(*c - 'a') + 10;
        }
        if (digit >= base || value > (most - digit) / base) {
            return false;
        }
        value = value * base + digit;
    }
    *out = value;
    return true;
}

/* The first byte behind the blocks that every segment of this role begins with. */
static uint64_t end_of_blocks(const struct amp_segment_identity *identity) {
    const uint64_t system = identity->role == 0 ? AMP_SYSTEM_SIZE : 0;
    return (uint64_t)identity->page_size + AMP_OWNER_SIZE + system;
}

/* Whether the figures of |line| can be those of a segment at all: a page is a power of two, the
 * channel lies behind the blocks, a writer has an epoch and nobody else does. */
static bool is_possible(const struct line *line) {
    const uint32_t page = line->identity.page_size;
    const bool channel_fits = line->words == 0 ? line->offset == 0 && line->depth == 0
                                               : line->offset >= end_of_blocks(&line->identity) &&
                                                     line->offset < line->identity.size;
    return line->identity.role < AMP_ROLES_MAX && page >= 4096 && (page & (page - 1)) == 0 &&
           channel_fits && line->own == (line->epoch > 0);
}

static bool parse(const struct fields *fields, struct amp_attached_segment *segment,
                  struct line *line) {
    static const uint64_t bases[AMP_FIELDS + 1] = {0, 0, 10, 10, 10, 16, 16, 10, 10, 10, 10, 10};
    uint64_t values[AMP_FIELDS + 1] = {0};
    line->own = strcmp(fields->text[0], "own") == 0;
    if ((!line->own && strcmp(fields->text[0], "read") != 0) ||
        strlen(fields->text[1]) >= AMP_ATTACH_NAME_ROOM) {
        return false;
    }
    for (int i = 2; i <= AMP_FIELDS; i++) {
        const bool bytes = i == AMP_SIZE_FIELD || i == AMP_OFFSET_FIELD;
        const uint64_t most = bases[i] == 16 ? UINT64_MAX : bytes ? PTRDIFF_MAX : INT32_MAX;
        if (!number(fields->text[i], bases[i], most, &values[i])) {
            return false;
        }
    }
    memcpy(segment->role, fields->text[1], strlen(fields->text[1]) + 1);
    segment->role_id = (uint32_t)values[2];
    segment->own = line->own;
    segment->epoch = line->epoch = (uint32_t)values[11];
    line->descriptor = (int)values[3];
    line->identity = (struct amp_segment_identity){
        .size = values[AMP_SIZE_FIELD],
        .layout_hash = values[5],
        .nonce = values[6],
        .role = segment->role_id,
        .page_size = (uint32_t)values[7],
    };
    line->offset = values[AMP_OFFSET_FIELD];
    line->words = (uint32_t)values[9];
    line->depth = (uint32_t)values[10];
    return is_possible(line);
}

/* Map and check one segment; on any refusal it is not mapped. */
static int take(struct amp_attached_segment *segment, const struct line *line) {
    const struct amp_segment_identity *const identity = &line->identity;
    if (identity->size < end_of_blocks(identity)) {
        return -AMP_ESIZE;
    }
    int result =
        amp_platform_map(line->descriptor, (size_t)identity->size, segment->own, &segment->base);
    if (result != AMP_OK) {
        return result;
    }
    segment->size = identity->size;
    segment->owner = amp_segment_owner(segment->base, identity->page_size);
    segment->system =
        identity->role == 0 ? amp_segment_system(segment->base, identity->page_size) : NULL;
    segment->has_channel = line->words > 0;
    result = amp_segment_check(segment->base, identity);
    if (result == AMP_OK && segment->has_channel) {
        result =
            amp_channel_bind(&segment->channel, (unsigned char *)segment->base + line->offset,
                             (size_t)(identity->size - line->offset), line->words, line->depth);
    }
    if (result != AMP_OK) {
        (void)amp_platform_unmap(segment->base, (size_t)segment->size);
        return result;
    }
    if (segment->own && segment->has_channel) {
        (void)amp_channel_attach(&segment->channel, segment->epoch);
    }
    return AMP_OK;
}

static bool has_own(const struct amp_attached *attached) {
    for (uint32_t i = 0; i < attached->count; i++) {
        if (attached->segments[i].own) {
            return true;
        }
    }
    return false;
}

static int take_line(struct amp_attached *out, const char *text, size_t length) {
    if (out->line == 1) {
        const bool ours = length == sizeof heading - 1 && memcmp(text, heading, length) == 0;
        return ours ? AMP_OK : -AMP_EFORMAT;
    }
    struct fields fields;
    struct line line;
    if (out->count >= AMP_ROLES_MAX || !split(text, length, &fields)) {
        return -AMP_EFORMAT;
    }
    struct amp_attached_segment *const segment = &out->segments[out->count];
    if (!parse(&fields, segment, &line) || amp_attached_find(out, segment->role) != NULL ||
        (line.own && has_own(out))) {
        return -AMP_EFORMAT;
    }
    const int result = take(segment, &line);
    out->count += result == AMP_OK;
    return result;
}

int amp_attach_text(struct amp_attached *out, const char *text, size_t length) {
    memset(out, 0, sizeof *out);
    if (length == 0 || length > AMP_ATTACH_TEXT_MAX || text[length - 1] != '\n') {
        return -AMP_EFORMAT;
    }
    size_t begin = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\n') {
            continue;
        }
        out->line++;
        const int result = take_line(out, text + begin, i - begin);
        if (result != AMP_OK) {
            amp_detach(out);
            return result;
        }
        begin = i + 1;
    }
    out->line = 0;
    return AMP_OK;
}

int amp_attach(struct amp_attached *out) {
    memset(out, 0, sizeof *out);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): init, before the program has a second thread
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): init context, nobody sets variables meanwhile */
    const char *const variable = getenv(AMP_ATTACH_VARIABLE);
    uint64_t descriptor = 0;
    if (variable == NULL || *variable == '\0' || !number(variable, 10, INT32_MAX, &descriptor)) {
        return -AMP_ESTATE;
    }
    char text[AMP_ATTACH_TEXT_MAX];
    size_t length = 0;
    const int result = amp_platform_read_text((int)descriptor, text, sizeof text, &length);
    if (result != AMP_OK) {
        return result == -AMP_EROOM ? -AMP_EFORMAT : result; /* too long is no directory */
    }
    return amp_attach_text(out, text, length);
}

const char *amp_attach_words(int result) {
    switch (-result) {
    case AMP_OK:
        return "attached";
    case AMP_EARG:
        return "its channel has a word count, a depth or a place that no channel has";
    case AMP_ESTATE:
        return "the environment names no directory: this program is started by an amphost system";
    case AMP_EFORMAT:
        return "the directory, or the segment it names, is not of this format and role";
    case AMP_ESIZE:
        return "its size or its seals are not those that the directory states";
    case AMP_ELAYOUT:
        return "its layout is another one than the directory's: other signals, or another order";
    case AMP_ENONCE:
        return "it belongs to another run";
    case AMP_ENOTREADY:
        return "it was never formatted";
    case AMP_EROOM:
        return "it is too small for what the directory says it holds";
    case AMP_ESYS:
        return "the descriptor that is named cannot be read or mapped";
    default:
        return "not a result of attaching";
    }
}

struct amp_attached_segment *amp_attached_find(struct amp_attached *attached, const char *role) {
    for (uint32_t i = 0; i < attached->count; i++) {
        if (strcmp(attached->segments[i].role, role) == 0) {
            return &attached->segments[i];
        }
    }
    return NULL;
}

/* The directory: a line for the channel, then `name:type:unit` for each word. */
int amp_attached_word(const struct amp_attached_segment *segment, const char *signal) {
    char text[AMP_DIRECTORY_MAX];
    const size_t length = amp_segment_directory(segment->base, text, sizeof text);
    const size_t wanted = strlen(signal);
    int word = -1;
    for (size_t start = 0; start < length;) {
        const char *const end = memchr(text + start, '\n', length - start);
        if (end == NULL) {
            break;
        }
        const size_t size = (size_t)(end - text) - start;
        if (word >= 0 && size > wanted && memcmp(text + start, signal, wanted) == 0 &&
            text[start + wanted] == ':') {
            return word;
        }
        word++;
        start += size + 1;
    }
    return -AMP_EARG;
}

void amp_detach(struct amp_attached *attached) {
    for (uint32_t i = 0; i < attached->count; i++) {
        (void)amp_platform_unmap(attached->segments[i].base, (size_t)attached->segments[i].size);
    }
    attached->count = 0;
}
