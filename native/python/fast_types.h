/* fast_types.h: single messages between Python and a channel at C speed.
 *
 * Heap types in the same extension as the cffi bindings. A method takes METH_FASTCALL arguments: a
 * call costs about 30 ns where one through cffi costs five times as much.
 *
 * A Region is a mapped segment. It alone makes readers and writers, from offsets that it checks
 * against its own size, and each holds it: no argument from Python becomes an address, and whoever
 * comes after `close` gets a MailboxError. Python code may run inside a call (`__float__`,
 * `__buffer__`, a collection): so arguments are converted first, then the region is looked at, then
 * the shared memory is touched, with no Python in between; and what a call works on is on its stack.
 */
#ifndef AMP_PYTHON_FAST_TYPES_H
#define AMP_PYTHON_FAST_TYPES_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "amp/channel.h"
#include "amp/queue.h"

#define FAST_RECORD_WORDS 3 /* count, t_ns, mark: in front of a record's values */

struct fast_region {
    PyObject_HEAD char *base; /* NULL once it is closed */
    size_t size;
    PyObject *what; /* its name in messages */
    int writable;
};

/* A channel in a region, and what its words mean, one letter each: d f64, q i64, Q u64, ? bool. */
struct fast_shape {
    struct amp_channel channel;
    struct fast_region *region;
    struct fast_region *other; /* of a queue: where the cursor stands; else NULL */
    char kinds[AMP_CHANNEL_WORDS_MAX];
};

struct fast_reader {
    PyObject_HEAD struct fast_shape shape;
    struct amp_queue_reader queue; /* of a channel's reader: only its cursor */
    uint64_t torn;                 /* by latest(), which has no cursor */
};

struct fast_writer {
    PyObject_HEAD struct fast_shape shape;
    struct amp_queue queue; /* of a channel's writer: only its channel */
};

/* Where a channel stands, as its Region is told. */
struct fast_place {
    Py_ssize_t offset;
    uint32_t words;
    uint32_t depth;
    const char *kinds;
    Py_ssize_t kinds_size;
};

extern PyTypeObject *fast_region_type;
extern PyTypeObject *fast_reader_type;
extern PyTypeObject *fast_writer_type;
extern PyTypeObject *fast_queue_reader_type;
extern PyTypeObject *fast_queue_writer_type;

extern PyType_Spec fast_region_spec;
extern PyType_Spec fast_reader_spec;
extern PyType_Spec fast_writer_spec;
extern PyType_Spec fast_queue_reader_spec;
extern PyType_Spec fast_queue_writer_spec;

/* Make the types and add them to |module|; -1 with an exception set. */
int fast_add_types(PyObject *module);

/* Raise amphost.errors.MailboxError; returns NULL. */
PyObject *fast_refuse(const char *format, ...);

/* 0 while the region is mapped, and writable where |writing|; else -1 and a MailboxError. */
int fast_region_check(const struct fast_region *region, int writing);

/* 0 while the memory of |shape| is there, of both its regions. */
static inline int fast_check(const struct fast_shape *shape) {
    if (shape->region->base != NULL && (shape->other == NULL || shape->other->base != NULL)) {
        return 0;
    }
    return fast_region_check(shape->region, 0) != 0 ? -1 : fast_region_check(shape->other, 0);
}

/* Bind |shape| to a channel of |region|, and hold both; -1 with an exception set. */
int fast_shape_open(struct fast_shape *shape, struct fast_region *region,
                    const struct fast_place *place);
void fast_shape_close(struct fast_shape *shape);

/* The owner block of |region|; NULL with an exception set when it has no room for one. */
struct amp_owner *fast_owner(const struct fast_region *region, Py_ssize_t page_size);

/* The word of a value; -1 with an exception set when it does not fit its kind. */
int fast_word_of(PyObject *value, char kind, uint64_t *out);

/* A record of |words| values as (count, t_ns, mark, value, ...). */
PyObject *fast_record(const uint64_t *record, const char *kinds, uint32_t words);

PyObject *fast_allocate(PyTypeObject *type);
void fast_free(PyObject *self);

#endif
