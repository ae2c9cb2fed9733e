/* ChannelWriter and QueueWriter. */
#include <string.h>

#include "fast_types.h"

/* Time and flags of a publication, the first two arguments of every way to publish. */
static int head_of(PyObject *const *args, int64_t *t_ns, uint32_t *flags) {
    *t_ns = PyLong_AsLongLong(args[0]);
    if (*t_ns == -1 && PyErr_Occurred() != NULL) {
        return -1;
    }
    const long long wide = PyLong_AsLongLong(args[1]);
    if (wide < 0 || wide > UINT32_MAX) {
        if (PyErr_Occurred() == NULL) {
            PyErr_SetString(PyExc_OverflowError, "flags have 32 bits");
        }
        return -1;
    }
    *flags = (uint32_t)wide;
    return 0;
}

static int words_of(const struct fast_writer *writer, PyObject *const *args, Py_ssize_t count,
                    uint64_t *words) {
    const Py_ssize_t expected = (Py_ssize_t)writer->shape.channel.words;
    if (count != 2 + expected) {
        PyErr_Format(PyExc_TypeError, "expected t_ns, flags and %zd values, got %zd arguments",
                     expected, count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < expected; i++) {
        if (fast_word_of(args[2 + i], writer->shape.kinds[i], &words[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Copy the bytes of a payload; -1 with an exception set when they are not |size|. */
static int bytes_of(PyObject *payload, size_t size, uint64_t *words) {
    Py_buffer view;
    const char *bytes;
    Py_ssize_t length;
    const int plain = PyBytes_CheckExact(payload);
    if (plain) {
        bytes = PyBytes_AsString(payload);
        length = PyBytes_Size(payload);
    } else if (PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE) == 0) {
        bytes = view.buf;
        length = view.len;
    } else {
        return -1;
    }
    const int fits = (size_t)length == size;
    if (fits) {
        memcpy(words, bytes, size);
    } else {
        PyErr_Format(PyExc_ValueError, "the payload has %zd bytes, the channel's words have %zu",
                     length, size);
    }
    if (!plain) {
        PyBuffer_Release(&view);
    }
    return fits ? 0 : -1;
}

static int payload_of(const struct fast_writer *writer, PyObject *const *args, Py_ssize_t count,
                      uint64_t *words) {
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "expected t_ns, flags and the payload as bytes");
        return -1;
    }
    return bytes_of(args[2], (size_t)writer->shape.channel.words * 8, words);
}

typedef int fast_convert(const struct fast_writer *writer, PyObject *const *args, Py_ssize_t count,
                         uint64_t *words);

static inline PyObject *publish_by(PyObject *self, PyObject *const *args, Py_ssize_t count,
                                   fast_convert *convert) {
    struct fast_writer *const writer = (struct fast_writer *)self;
    uint64_t words[AMP_CHANNEL_WORDS_MAX];
    int64_t t_ns;
    uint32_t flags;
    if (convert(writer, args, count, words) != 0 || head_of(args, &t_ns, &flags) != 0 ||
        fast_check(&writer->shape) != 0) {
        return NULL;
    }
    amp_channel_publish(&writer->queue.channel, t_ns, flags, words);
    Py_RETURN_NONE;
}

static inline PyObject *push_by(PyObject *self, PyObject *const *args, Py_ssize_t count,
                                fast_convert *convert) {
    struct fast_writer *const writer = (struct fast_writer *)self;
    uint64_t words[AMP_CHANNEL_WORDS_MAX];
    int64_t t_ns;
    uint32_t flags;
    if (convert(writer, args, count, words) != 0 || head_of(args, &t_ns, &flags) != 0 ||
        fast_check(&writer->shape) != 0) {
        return NULL;
    }
    return PyBool_FromLong(amp_queue_push(&writer->queue, t_ns, flags, words));
}

static PyObject *writer_publish(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    return publish_by(self, args, count, words_of);
}

static PyObject *writer_put(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    return publish_by(self, args, count, payload_of);
}

static PyObject *queue_push(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    return push_by(self, args, count, words_of);
}

static PyObject *queue_put(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    return push_by(self, args, count, payload_of);
}

static PyObject *writer_put_many(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    struct fast_writer *const writer = (struct fast_writer *)self;
    const Py_ssize_t step = (Py_ssize_t)writer->shape.channel.words * 8;
    int64_t t_ns;
    uint32_t flags;
    Py_buffer view;
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "expected t_ns, flags and the payloads as bytes");
        return NULL;
    }
    if (head_of(args, &t_ns, &flags) != 0 ||
        PyObject_GetBuffer(args[2], &view, PyBUF_SIMPLE) != 0) {
        return NULL;
    }
    if (view.len % step != 0 || (uintptr_t)view.buf % sizeof(uint64_t) != 0) {
        PyErr_Format(PyExc_ValueError, "%zd bytes are no whole payloads of %zd, aligned to words",
                     view.len, step);
    } else if (fast_check(&writer->shape) == 0) {
        amp_channel_publish_many(&writer->queue.channel, t_ns, flags, view.buf,
                                 (size_t)(view.len / step));
    }
    PyBuffer_Release(&view);
    if (PyErr_Occurred() != NULL) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *writer_count(PyObject *self, void *closure) {
    (void)closure;
    const struct fast_writer *const writer = (const struct fast_writer *)self;
    if (fast_check(&writer->shape) != 0) {
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(amp_channel_count(&writer->queue.channel));
}

static PyObject *queue_full(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromUnsignedLongLong(((struct fast_writer *)self)->queue.full);
}

static PyObject *queue_room(PyObject *self, void *closure) {
    (void)closure;
    const struct fast_writer *const writer = (const struct fast_writer *)self;
    if (fast_check(&writer->shape) != 0) {
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(amp_queue_room(&writer->queue));
}

static PyObject *queue_corrupt(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromUnsignedLongLong(((struct fast_writer *)self)->queue.corrupt);
}

static void writer_free(PyObject *self) {
    fast_shape_close(&((struct fast_writer *)self)->shape);
    fast_free(self);
}

#define FAST(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef writer_methods[] = {
    {"publish", FAST(writer_publish), METH_FASTCALL,
     "publish(t_ns, flags, *values): one value for each word, by its kind."},
    {"put", FAST(writer_put), METH_FASTCALL,
     "put(t_ns, flags, payload): the words as bytes, in this machine's order."},
    {"put_many", FAST(writer_put_many), METH_FASTCALL,
     "put_many(t_ns, flags, payloads): as many publications as the bytes hold."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef queue_methods[] = {
    {"push", FAST(queue_push), METH_FASTCALL,
     "push(t_ns, flags, *values): publish, or refuse (False) while the queue is full."},
    {"put", FAST(queue_put), METH_FASTCALL,
     "put(t_ns, flags, payload): as push, the words as bytes in this machine's order."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef writer_properties[] = {
    {"count", writer_count, NULL, "Count of the newest publication.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyGetSetDef queue_properties[] = {
    {"count", writer_count, NULL, "Count of the newest message.", NULL},
    {"full", queue_full, NULL, "Messages refused because the consumer is behind.", NULL},
    {"room", queue_room, NULL, "Messages that the queue would take now.", NULL},
    {"corrupt", queue_corrupt, NULL, "Messages refused because the cursor cannot be.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot writer_slots[] = {
    {Py_tp_doc, "Publishes into a channel.\n\nSynchronization: one thread, the only writer."},
    {Py_tp_dealloc, (void *)writer_free},
    {Py_tp_methods, writer_methods},
    {Py_tp_getset, writer_properties},
    {0, NULL},
};

static PyType_Slot queue_slots[] = {
    {Py_tp_doc, "Publishes into a queue.\n\nSynchronization: one thread, the only writer."},
    {Py_tp_dealloc, (void *)writer_free},
    {Py_tp_methods, queue_methods},
    {Py_tp_getset, queue_properties},
    {0, NULL},
};

PyType_Spec fast_writer_spec = {
    .name = "amphost._native.amp.ChannelWriter",
    .basicsize = sizeof(struct fast_writer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = writer_slots,
};

PyType_Spec fast_queue_writer_spec = {
    .name = "amphost._native.amp.QueueWriter",
    .basicsize = sizeof(struct fast_writer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = queue_slots,
};
