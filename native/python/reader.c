/* ChannelReader and QueueReader. */
#include "fast_types.h"

#define RECORD_MAX (FAST_RECORD_WORDS + AMP_CHANNEL_WORDS_MAX)

static PyObject *record_of(const struct fast_reader *reader, const uint64_t *record) {
    return fast_record(record, reader->shape.kinds, reader->shape.channel.words);
}

static PyObject *reader_latest(PyObject *self, PyObject *none) {
    (void)none;
    struct fast_reader *const reader = (struct fast_reader *)self;
    uint64_t record[RECORD_MAX];
    if (fast_check(&reader->shape) != 0) {
        return NULL;
    }
    if (amp_channel_latest(&reader->shape.channel, (void *)record, &reader->torn) !=
        AMP_READ_VALUE) {
        Py_RETURN_NONE;
    }
    return record_of(reader, record);
}

static PyObject *reader_next(PyObject *self, PyObject *none) {
    (void)none;
    struct fast_reader *const reader = (struct fast_reader *)self;
    uint64_t record[RECORD_MAX];
    if (fast_check(&reader->shape) != 0) {
        return NULL;
    }
    if (amp_cursor_next(&reader->queue.cursor, (void *)record) != AMP_READ_VALUE) {
        Py_RETURN_NONE;
    }
    return record_of(reader, record);
}

static PyObject *reader_take(PyObject *self, PyObject *none) {
    (void)none;
    struct fast_reader *const reader = (struct fast_reader *)self;
    uint64_t record[RECORD_MAX];
    if (fast_check(&reader->shape) != 0) {
        return NULL;
    }
    if (amp_cursor_next(&reader->queue.cursor, (void *)record) != AMP_READ_VALUE) {
        Py_RETURN_NONE;
    }
    return PyBytes_FromStringAndSize((const char *)(record + FAST_RECORD_WORDS),
                                     (Py_ssize_t)reader->shape.channel.words * 8);
}

static PyObject *reader_drain_into(PyObject *self, PyObject *records) {
    struct fast_reader *const reader = (struct fast_reader *)self;
    const size_t step = ((size_t)FAST_RECORD_WORDS + reader->shape.channel.words) * 8;
    size_t got = 0;
    Py_buffer view;
    if (PyObject_GetBuffer(records, &view, PyBUF_WRITABLE) != 0) {
        return NULL;
    }
    if ((uintptr_t)view.buf % sizeof(uint64_t) != 0) {
        PyErr_SetString(PyExc_ValueError, "the memory is not aligned to words");
    } else if (fast_check(&reader->shape) == 0) {
        got = amp_cursor_drain(&reader->queue.cursor, view.buf, (size_t)view.len / step);
    }
    PyBuffer_Release(&view);
    return PyErr_Occurred() != NULL ? NULL : PyLong_FromSize_t(got);
}

static PyObject *queue_done(PyObject *self, PyObject *none) {
    (void)none;
    struct fast_reader *const reader = (struct fast_reader *)self;
    if (fast_check(&reader->shape) != 0) {
        return NULL;
    }
    amp_queue_done(&reader->queue);
    Py_RETURN_NONE;
}

static PyObject *reader_position(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromUnsignedLongLong(((struct fast_reader *)self)->queue.cursor.position);
}

static PyObject *reader_lost(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromUnsignedLongLong(((struct fast_reader *)self)->queue.cursor.lost);
}

static PyObject *reader_torn(PyObject *self, void *closure) {
    (void)closure;
    const struct fast_reader *const reader = (const struct fast_reader *)self;
    return PyLong_FromUnsignedLongLong(reader->queue.cursor.torn + reader->torn);
}

static void reader_free(PyObject *self) {
    fast_shape_close(&((struct fast_reader *)self)->shape);
    fast_free(self);
}

static PyMethodDef reader_methods[] = {
    {"latest", reader_latest, METH_NOARGS,
     "Return (count, t_ns, mark, value, ...) of the newest publication, or None."},
    {"next", reader_next, METH_NOARGS,
     "Return (count, t_ns, mark, value, ...) of the next publication, or None."},
    {"take", reader_take, METH_NOARGS,
     "Return the words of the next publication as bytes, or None."},
    {"drain_into", reader_drain_into, METH_O,
     "drain_into(memory): fill it with records, 3 + words words each; return how many."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef queue_methods[] = {
    {"next", reader_next, METH_NOARGS,
     "Return (count, t_ns, mark, value, ...) of the next message, or None."},
    {"take", reader_take, METH_NOARGS, "Return the words of the next message as bytes, or None."},
    {"done", queue_done, METH_NOARGS, "What was read has been used: its slots are free."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"position", reader_position, NULL, "Count of the last publication read.", NULL},
    {"lost", reader_lost, NULL, "Publications overwritten before they were read.", NULL},
    {"torn", reader_torn, NULL, "Reads that overlapped a write and were discarded.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_doc, "Reads a channel.\n\nSynchronization: one thread; the writer never looks at it."},
    {Py_tp_dealloc, (void *)reader_free},
    {Py_tp_methods, reader_methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Slot queue_slots[] = {
    {Py_tp_doc, "Consumes a queue.\n\nSynchronization: one thread, the only consumer."},
    {Py_tp_dealloc, (void *)reader_free},
    {Py_tp_methods, queue_methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

PyType_Spec fast_reader_spec = {
    .name = "amphost._native.amp.ChannelReader",
    .basicsize = sizeof(struct fast_reader),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = reader_slots,
};

PyType_Spec fast_queue_reader_spec = {
    .name = "amphost._native.amp.QueueReader",
    .basicsize = sizeof(struct fast_reader),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = queue_slots,
};
