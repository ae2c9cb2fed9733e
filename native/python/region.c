/* Region: a mapped segment, and the only maker of readers and writers. */
#include <stdarg.h>
#include <string.h>

#include "amp/platform.h"
#include "amp/segment.h"
#include "fast_types.h"

PyObject *fast_refuse(const char *format, ...) {
    PyObject *const module = PyImport_ImportModule("amphost.errors");
    PyObject *const error = module == NULL ? NULL : PyObject_GetAttrString(module, "MailboxError");
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        (void)PyErr_FormatV(error, format, arguments);
        va_end(arguments);
    }
    Py_XDECREF(error);
    Py_XDECREF(module);
    return NULL;
}

int fast_region_check(const struct fast_region *region, int writing) {
    if (region->base == NULL) {
        fast_refuse("%U: it is closed", region->what);
        return -1;
    }
    if (writing && !region->writable) {
        fast_refuse("%U: this process may only read it", region->what);
        return -1;
    }
    return 0;
}

PyObject *fast_allocate(PyTypeObject *type) {
    const allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return allocate(type, 0);
}

void fast_free(PyObject *self) {
    PyTypeObject *const type = Py_TYPE(self);
    const freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

int fast_shape_open(struct fast_shape *shape, struct fast_region *region,
                    const struct fast_place *place) {
    if (fast_region_check(region, 0) != 0) {
        return -1;
    }
    const size_t offset = place->offset < 0 ? SIZE_MAX : (size_t)place->offset;
    const size_t room = offset < region->size ? region->size - offset : 0;
    if (room == 0 || amp_channel_bind(&shape->channel, region->base + offset, room, place->words,
                                      place->depth) != 0) {
        fast_refuse("%U: no channel of %u words and %u slots at %zd", region->what, place->words,
                    place->depth, place->offset);
        return -1;
    }
    if (place->kinds_size != (Py_ssize_t)place->words) {
        fast_refuse("%U: %zd kinds for %u words", region->what, place->kinds_size, place->words);
        return -1;
    }
    for (uint32_t i = 0; i < place->words; i++) { /* nobody says that a NUL ends them */
        if (place->kinds[i] == '\0' || strchr("dqQ?", place->kinds[i]) == NULL) {
            fast_refuse("%U: a kind is one of d, q, Q and ?", region->what);
            return -1;
        }
    }
    memcpy(shape->kinds, place->kinds, place->words);
    Py_INCREF((PyObject *)region);
    shape->region = region;
    return 0;
}

void fast_shape_close(struct fast_shape *shape) {
    Py_XDECREF((PyObject *)shape->region);
    Py_XDECREF((PyObject *)shape->other);
}

struct amp_owner *fast_owner(const struct fast_region *region, Py_ssize_t page_size) {
    if (fast_region_check(region, 0) != 0) { /* a collection may have closed it since */
        return NULL;
    }
    const size_t page = page_size < 0 ? SIZE_MAX : (size_t)page_size;
    if (page % AMP_CACHE_LINE != 0 || page > region->size || page == 0 ||
        region->size - page < AMP_OWNER_SIZE) {
        return (void *)fast_refuse("%U: no owner block behind a page of %zd bytes", region->what,
                                   page_size);
    }
    return amp_segment_owner(region->base, (uint32_t)page);
}

static PyObject *region_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"descriptor", "size", "writable", "what", NULL};
    int descriptor;
    Py_ssize_t size;
    int writable;
    PyObject *what;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "inpU", names, &descriptor, &size, &writable,
                                     &what)) {
        return NULL;
    }
    if (size <= 0) {
        return fast_refuse("%U: %zd bytes are no segment", what, size);
    }
    struct fast_region *const region = (struct fast_region *)fast_allocate(type);
    if (region == NULL) {
        return NULL;
    }
    Py_INCREF(what);
    region->what = what;
    region->size = (size_t)size;
    region->writable = writable;
    void *base = NULL;
    const int result = amp_platform_map(descriptor, region->size, writable, &base);
    if (result < 0) {
        fast_refuse("%U: %s", what,
                    result == -AMP_ESYS ? strerror(amp_platform_errno())
                                        : "its size or its seals are not those of the plan");
        Py_DECREF((PyObject *)region);
        return NULL;
    }
    region->base = base;
    return (PyObject *)region;
}

/* It is not unmapped here: others may still have pointers into it. `close` says when none has. */
static void region_free(PyObject *self) {
    Py_DECREF(((struct fast_region *)self)->what);
    fast_free(self);
}

static PyObject *region_close(PyObject *self, PyObject *none) {
    (void)none;
    struct fast_region *const region = (struct fast_region *)self;
    if (region->base != NULL) {
        (void)amp_platform_unmap(region->base, region->size);
        region->base = NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *region_address(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromVoidPtr(((struct fast_region *)self)->base);
}

static PyObject *region_reader(PyObject *self, PyObject *args) {
    struct fast_place place;
    int oldest;
    if (!PyArg_ParseTuple(args, "nIIy#p", &place.offset, &place.words, &place.depth, &place.kinds,
                          &place.kinds_size, &oldest)) {
        return NULL;
    }
    struct fast_reader *const reader = (struct fast_reader *)fast_allocate(fast_reader_type);
    if (reader == NULL || fast_shape_open(&reader->shape, (void *)self, &place) != 0) {
        Py_XDECREF((PyObject *)reader);
        return NULL;
    }
    amp_cursor_open(&reader->queue.cursor, &reader->shape.channel,
                    oldest ? AMP_START_OLDEST : AMP_START_LATEST);
    return (PyObject *)reader;
}

static PyObject *region_writer(PyObject *self, PyObject *args) {
    struct fast_place place;
    unsigned epoch;
    if (!PyArg_ParseTuple(args, "nIIy#I", &place.offset, &place.words, &place.depth, &place.kinds,
                          &place.kinds_size, &epoch) ||
        fast_region_check((void *)self, 1) != 0) {
        return NULL;
    }
    struct fast_writer *const writer = (struct fast_writer *)fast_allocate(fast_writer_type);
    if (writer == NULL || fast_shape_open(&writer->shape, (void *)self, &place) != 0) {
        Py_XDECREF((PyObject *)writer);
        return NULL;
    }
    (void)amp_channel_attach(&writer->shape.channel, epoch);
    writer->queue.channel = writer->shape.channel;
    return (PyObject *)writer;
}

static PyObject *region_queue_writer(PyObject *self, PyObject *args) {
    struct fast_place place;
    struct fast_region *consumer;
    Py_ssize_t page;
    unsigned epoch;
    unsigned index;
    if (!PyArg_ParseTuple(args, "nIIy#IO!nI", &place.offset, &place.words, &place.depth,
                          &place.kinds, &place.kinds_size, &epoch, fast_region_type, &consumer,
                          &page, &index) ||
        fast_region_check((void *)self, 1) != 0 || fast_region_check(consumer, 0) != 0) {
        return NULL;
    }
    struct fast_writer *const writer = (struct fast_writer *)fast_allocate(fast_queue_writer_type);
    if (writer == NULL || fast_shape_open(&writer->shape, (void *)self, &place) != 0) {
        Py_XDECREF((PyObject *)writer);
        return NULL;
    }
    Py_INCREF((PyObject *)consumer);
    writer->shape.other = consumer;
    const struct amp_owner *const owner = fast_owner(consumer, page);
    if (owner == NULL) {
        Py_DECREF((PyObject *)writer);
        return NULL;
    }
    if (amp_queue_open(&writer->queue, &writer->shape.channel, owner, index) != 0) {
        Py_DECREF((PyObject *)writer);
        return fast_refuse("%U: there is no queue %u", consumer->what, index);
    }
    (void)amp_channel_attach(&writer->queue.channel, epoch);
    return (PyObject *)writer;
}

static PyObject *region_queue_reader(PyObject *self, PyObject *args) {
    struct fast_place place;
    struct fast_region *own;
    Py_ssize_t page;
    unsigned index;
    if (!PyArg_ParseTuple(args, "nIIy#O!nI", &place.offset, &place.words, &place.depth,
                          &place.kinds, &place.kinds_size, fast_region_type, &own, &page, &index) ||
        fast_region_check((void *)self, 0) != 0 || fast_region_check(own, 1) != 0) {
        return NULL;
    }
    struct fast_reader *const reader = (struct fast_reader *)fast_allocate(fast_queue_reader_type);
    if (reader == NULL || fast_shape_open(&reader->shape, (void *)self, &place) != 0) {
        Py_XDECREF((PyObject *)reader);
        return NULL;
    }
    Py_INCREF((PyObject *)own);
    reader->shape.other = own;
    struct amp_owner *const owner = fast_owner(own, page);
    if (owner == NULL) {
        Py_DECREF((PyObject *)reader);
        return NULL;
    }
    if (amp_queue_reader_open(&reader->queue, &reader->shape.channel, owner, index) != 0) {
        Py_DECREF((PyObject *)reader);
        return fast_refuse("%U: there is no queue %u", own->what, index);
    }
    return (PyObject *)reader;
}

static PyMethodDef region_methods[] = {
    {"reader", region_reader, METH_VARARGS, "reader(offset, words, depth, kinds, oldest)"},
    {"writer", region_writer, METH_VARARGS, "writer(offset, words, depth, kinds, epoch)"},
    {"queue_writer", region_queue_writer, METH_VARARGS,
     "queue_writer(offset, words, depth, kinds, epoch, consumer, page_size, index)"},
    {"queue_reader", region_queue_reader, METH_VARARGS,
     "queue_reader(offset, words, depth, kinds, own, page_size, index)"},
    {"close", region_close, METH_NOARGS, "Unmap; a second call does nothing."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef region_properties[] = {
    {"address", region_address, NULL, "Where it is mapped; 0 once it is closed.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot region_slots[] = {
    {Py_tp_doc, "Region(descriptor, size, writable, what): a mapped segment.\n\n"
                "Synchronization: one thread."},
    {Py_tp_new, (void *)region_new},
    {Py_tp_dealloc, (void *)region_free},
    {Py_tp_methods, region_methods},
    {Py_tp_getset, region_properties},
    {0, NULL},
};

PyType_Spec fast_region_spec = {
    .name = "amphost._native.amp.Region",
    .basicsize = sizeof(struct fast_region),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = region_slots,
};
