/* fast.h: reading and publishing single messages from Python at C speed.
 *
 * Two heap types, compiled into the same extension as the cffi bindings and added to its module.
 * Their methods take METH_FASTCALL arguments: a call costs about 30 ns where one through cffi costs
 * five times as much. They hold a channel by the address of a bound `struct amp_channel`, so only
 * amphost.mailbox makes them; it closes them before it unmaps, and a closed one raises
 * ValueError. One thread uses one object.
 */
#ifndef AMP_PYTHON_FAST_H
#define AMP_PYTHON_FAST_H

#include <Python.h>

#include "amp/channel.h"

/* What a word of the channel means, one letter each: d f64, q i64, Q u64, ? bool. */
struct fast_shape {
    struct amp_channel channel;
    char kinds[AMP_CHANNEL_WORDS_MAX];
    int is_open;
};

struct fast_reader {
    PyObject_HEAD struct fast_shape shape;
    struct amp_cursor cursor;
    uint64_t torn;
    uint64_t record[3 + AMP_CHANNEL_WORDS_MAX];
};

struct fast_writer {
    PyObject_HEAD struct fast_shape shape;
    uint64_t words[AMP_CHANNEL_WORDS_MAX];
};

static int fast_closed(const struct fast_shape *shape) {
    if (shape->is_open) {
        return 0;
    }
    PyErr_SetString(PyExc_ValueError, "the segment of this channel is closed");
    return 1;
}

/* Arguments of both constructors: the address of a bound channel, and its kinds as bytes. */
static int fast_shape_take(struct fast_shape *shape, PyObject *args) {
    Py_ssize_t size = 0;
    char *kinds = NULL;
    if (PyTuple_Size(args) < 2) {
        PyErr_SetString(PyExc_TypeError, "expected the address of a channel and its kinds");
        return -1;
    }
    const void *const address = PyLong_AsVoidPtr(PyTuple_GetItem(args, 0));
    if (address == NULL || PyBytes_AsStringAndSize(PyTuple_GetItem(args, 1), &kinds, &size) != 0) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "no channel");
        }
        return -1;
    }
    shape->channel = *(const struct amp_channel *)address;
    if ((uint64_t)size != shape->channel.words) {
        PyErr_SetString(PyExc_ValueError, "one kind for each word of the channel");
        return -1;
    }
    for (Py_ssize_t i = 0; i < size; i++) {
        if (kinds[i] != 'd' && kinds[i] != 'q' && kinds[i] != 'Q' && kinds[i] != '?') {
            PyErr_SetString(PyExc_ValueError, "a kind is one of d, q, Q, ?");
            return -1;
        }
        shape->kinds[i] = kinds[i];
    }
    shape->is_open = 1;
    return 0;
}

static PyObject *fast_allocate(PyTypeObject *type) {
    const allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return allocate(type, 0);
}

static void fast_free(PyObject *self) {
    PyTypeObject *const type = Py_TYPE(self);
    const freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *fast_object_of(uint64_t word, char kind) {
    double real;
    int64_t whole;
    switch (kind) {
    case 'd':
        memcpy(&real, &word, sizeof real);
        return PyFloat_FromDouble(real);
    case 'q':
        memcpy(&whole, &word, sizeof whole);
        return PyLong_FromLongLong(whole);
    case '?':
        return PyBool_FromLong(word != 0);
    default:
        return PyLong_FromUnsignedLongLong(word);
    }
}

/* The word of a value; -1 with an exception set when it does not fit its kind. */
static int fast_word_of(PyObject *value, char kind, uint64_t *out) {
    if (kind == 'd') {
        const double real = PyFloat_AsDouble(value);
        memcpy(out, &real, sizeof real);
        return real == -1.0 && PyErr_Occurred() != NULL ? -1 : 0;
    }
    if (kind == '?') {
        const int truth = PyObject_IsTrue(value);
        *out = truth > 0;
        return truth < 0 ? -1 : 0;
    }
    if (kind == 'q') {
        const int64_t whole = PyLong_AsLongLong(value);
        memcpy(out, &whole, sizeof whole);
        return whole == -1 && PyErr_Occurred() != NULL ? -1 : 0;
    }
    *out = PyLong_AsUnsignedLongLong(value);
    return *out == UINT64_MAX && PyErr_Occurred() != NULL ? -1 : 0;
}

/* Reader */

static PyObject *fast_reader_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    (void)keywords;
    struct fast_reader *const reader = (struct fast_reader *)fast_allocate(type);
    if (reader == NULL) {
        return NULL;
    }
    const int oldest = PyTuple_Size(args) > 2 && PyObject_IsTrue(PyTuple_GetItem(args, 2)) > 0;
    if (fast_shape_take(&reader->shape, args) != 0) {
        Py_DECREF((PyObject *)reader);
        return NULL;
    }
    amp_cursor_open(&reader->cursor, &reader->shape.channel,
                    oldest ? AMP_START_OLDEST : AMP_START_LATEST);
    return (PyObject *)reader;
}

/* The record as (count, t_ns, mark, value, ...). */
static PyObject *fast_record(const struct fast_reader *reader) {
    const uint32_t words = reader->shape.channel.words;
    PyObject *const tuple = PyTuple_New(3 + (Py_ssize_t)words);
    if (tuple == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < 3 + words; i++) {
        const char kind = i < 3 ? "QqQ"[i] : reader->shape.kinds[i - 3];
        PyObject *const item = fast_object_of(reader->record[i], kind);
        if (item == NULL) {
            Py_DECREF(tuple);
            return NULL;
        }
        PyTuple_SetItem(tuple, (Py_ssize_t)i, item);
    }
    return tuple;
}

static PyObject *fast_reader_latest(PyObject *self, PyObject *none) {
    (void)none;
    struct fast_reader *const reader = (struct fast_reader *)self;
    if (fast_closed(&reader->shape)) {
        return NULL;
    }
    const enum amp_read got =
        amp_channel_latest(&reader->shape.channel, (void *)reader->record, &reader->torn);
    if (got != AMP_READ_VALUE) {
        Py_RETURN_NONE;
    }
    return fast_record(reader);
}

static PyObject *fast_reader_next(PyObject *self, PyObject *none) {
    (void)none;
    struct fast_reader *const reader = (struct fast_reader *)self;
    if (fast_closed(&reader->shape)) {
        return NULL;
    }
    if (amp_cursor_next(&reader->cursor, (void *)reader->record) != AMP_READ_VALUE) {
        Py_RETURN_NONE;
    }
    return fast_record(reader);
}

static PyObject *fast_reader_take(PyObject *self, PyObject *none) {
    (void)none;
    struct fast_reader *const reader = (struct fast_reader *)self;
    if (fast_closed(&reader->shape)) {
        return NULL;
    }
    if (amp_cursor_next(&reader->cursor, (void *)reader->record) != AMP_READ_VALUE) {
        Py_RETURN_NONE;
    }
    return PyBytes_FromStringAndSize((const char *)(reader->record + 3),
                                     (Py_ssize_t)reader->shape.channel.words * 8);
}

static PyObject *fast_reader_counts(PyObject *self, PyObject *none) {
    (void)none;
    const struct fast_reader *const reader = (const struct fast_reader *)self;
    return Py_BuildValue("KKK", (unsigned long long)reader->cursor.position,
                         (unsigned long long)reader->cursor.lost,
                         (unsigned long long)(reader->cursor.torn + reader->torn));
}

static PyObject *fast_reader_close(PyObject *self, PyObject *none) {
    (void)none;
    ((struct fast_reader *)self)->shape.is_open = 0;
    Py_RETURN_NONE;
}

/* Writer */

static PyObject *fast_writer_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    (void)keywords;
    struct fast_writer *const writer = (struct fast_writer *)fast_allocate(type);
    if (writer != NULL && fast_shape_take(&writer->shape, args) != 0) {
        Py_DECREF((PyObject *)writer);
        return NULL;
    }
    return (PyObject *)writer;
}

/* Time and flags of a publication, the first two arguments of both ways to publish. */
static int fast_head(PyObject *const *args, int64_t *t_ns, unsigned long *flags) {
    *t_ns = PyLong_AsLongLong(args[0]);
    *flags = PyLong_AsUnsignedLong(args[1]);
    if (PyErr_Occurred() != NULL) {
        return -1;
    }
    if (*flags > UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "flags have 32 bits");
        return -1;
    }
    return 0;
}

static PyObject *fast_writer_publish(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    struct fast_writer *const writer = (struct fast_writer *)self;
    const Py_ssize_t words = (Py_ssize_t)writer->shape.channel.words;
    int64_t t_ns;
    unsigned long flags;
    if (fast_closed(&writer->shape)) {
        return NULL;
    }
    if (count != 2 + words) {
        PyErr_Format(PyExc_TypeError, "publish takes t_ns, flags and %zd values, got %zd", words,
                     count < 2 ? 0 : count - 2);
        return NULL;
    }
    if (fast_head(args, &t_ns, &flags) != 0) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < words; i++) {
        if (fast_word_of(args[2 + i], writer->shape.kinds[i], &writer->words[i]) != 0) {
            return NULL;
        }
    }
    amp_channel_publish(&writer->shape.channel, t_ns, (uint32_t)flags, writer->words);
    Py_RETURN_NONE;
}

static PyObject *fast_writer_put(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    struct fast_writer *const writer = (struct fast_writer *)self;
    const Py_ssize_t bytes = (Py_ssize_t)writer->shape.channel.words * 8;
    int64_t t_ns;
    unsigned long flags;
    Py_buffer payload;
    if (fast_closed(&writer->shape)) {
        return NULL;
    }
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "put takes t_ns, flags and the payload as bytes");
        return NULL;
    }
    if (fast_head(args, &t_ns, &flags) != 0 ||
        PyObject_GetBuffer(args[2], &payload, PyBUF_SIMPLE) != 0) {
        return NULL;
    }
    const int fits = payload.len == bytes;
    if (fits) {
        memcpy(writer->words, payload.buf, (size_t)bytes);
        amp_channel_publish(&writer->shape.channel, t_ns, (uint32_t)flags, writer->words);
    } else {
        PyErr_Format(PyExc_ValueError, "the payload has %zd bytes, the channel's words have %zd",
                     payload.len, bytes);
    }
    PyBuffer_Release(&payload);
    if (!fits) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *fast_writer_close(PyObject *self, PyObject *none) {
    (void)none;
    ((struct fast_writer *)self)->shape.is_open = 0;
    Py_RETURN_NONE;
}

/* Module */

static PyMethodDef fast_reader_methods[] = {
    {"latest", fast_reader_latest, METH_NOARGS,
     "Return (count, t_ns, mark, value, ...) of the newest publication, or None."},
    {"next", fast_reader_next, METH_NOARGS,
     "Return (count, t_ns, mark, value, ...) of the next publication, or None."},
    {"take", fast_reader_take, METH_NOARGS,
     "Return the words of the next publication as bytes, or None."},
    {"counts", fast_reader_counts, METH_NOARGS, "Return (position, lost, torn)."},
    {"close", fast_reader_close, METH_NOARGS, "Refuse every further call."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef fast_writer_methods[] = {
    {"publish", (PyCFunction)(void (*)(void))fast_writer_publish, METH_FASTCALL,
     "publish(t_ns, flags, *values): one value for each word, by its kind."},
    {"put", (PyCFunction)(void (*)(void))fast_writer_put, METH_FASTCALL,
     "put(t_ns, flags, payload): the words as bytes, in this machine's order."},
    {"close", fast_writer_close, METH_NOARGS, "Refuse every further call."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot fast_reader_slots[] = {
    {Py_tp_doc, "Reads a channel. Synchronization: one thread."},
    {Py_tp_new, (void *)fast_reader_new},
    {Py_tp_dealloc, (void *)fast_free},
    {Py_tp_methods, fast_reader_methods},
    {0, NULL},
};

static PyType_Slot fast_writer_slots[] = {
    {Py_tp_doc,
     "Publishes into a channel. Synchronization: one thread, the channel's only writer."},
    {Py_tp_new, (void *)fast_writer_new},
    {Py_tp_dealloc, (void *)fast_free},
    {Py_tp_methods, fast_writer_methods},
    {0, NULL},
};

static PyType_Spec fast_reader_spec = {
    .name = "amphost._native.amp.ChannelReader",
    .basicsize = sizeof(struct fast_reader),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = fast_reader_slots,
};

static PyType_Spec fast_writer_spec = {
    .name = "amphost._native.amp.ChannelWriter",
    .basicsize = sizeof(struct fast_writer),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = fast_writer_slots,
};

static int fast_add(PyObject *module, const char *name, PyType_Spec *spec) {
    PyObject *const type = PyType_FromSpec(spec);
    if (type == NULL) {
        return -1;
    }
    const int failed = PyModule_AddObjectRef(module, name, type);
    Py_DECREF(type);
    return failed;
}

/* Make cffi's module as cffi does, then add the two types. */
static PyObject *fast_module(const char *name, Py_ssize_t version,
                             const struct _cffi_type_context_s *context) {
    PyObject *const module = _cffi_init(name, version, context);
    if (module != NULL && (fast_add(module, "ChannelReader", &fast_reader_spec) != 0 ||
                           fast_add(module, "ChannelWriter", &fast_writer_spec) != 0)) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}

#define _cffi_init fast_module /* what the generated PyInit function calls from here on */

#endif
