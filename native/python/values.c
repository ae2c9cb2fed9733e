/* Words and the objects that stand for them. */
#include <string.h>

#include "fast_types.h"

static PyObject *object_of(uint64_t word, char kind) {
    double real;
    switch (kind) {
    case 'd':
        memcpy(&real, &word, sizeof real);
        return PyFloat_FromDouble(real);
    case 'q':
        return PyLong_FromLongLong((long long)word);
    case '?':
        return PyBool_FromLong(word != 0);
    default:
        return PyLong_FromUnsignedLongLong(word);
    }
}

int fast_word_of(PyObject *value, char kind, uint64_t *out) {
    double real;
    int truth;
    switch (kind) {
    case 'd':
        real = PyFloat_AsDouble(value);
        memcpy(out, &real, sizeof real);
        return real == -1.0 && PyErr_Occurred() != NULL ? -1 : 0;
    case 'q':
        *out = (uint64_t)PyLong_AsLongLong(value);
        break;
    case '?':
        truth = PyObject_IsTrue(value);
        *out = truth > 0;
        return truth < 0 ? -1 : 0;
    default:
        *out = PyLong_AsUnsignedLongLong(value);
        break;
    }
    return *out == UINT64_MAX && PyErr_Occurred() != NULL ? -1 : 0;
}

PyObject *fast_record(const uint64_t *record, const char *kinds, uint32_t words) {
    PyObject *const tuple = PyTuple_New(FAST_RECORD_WORDS + (Py_ssize_t)words);
    if (tuple == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < FAST_RECORD_WORDS + words; i++) {
        const char kind = i < FAST_RECORD_WORDS ? "QqQ"[i] : kinds[i - FAST_RECORD_WORDS];
        PyObject *const item = object_of(record[i], kind);
        if (item == NULL) {
            Py_DECREF(tuple);
            return NULL;
        }
        (void)PyTuple_SetItem(tuple, (Py_ssize_t)i, item);
    }
    return tuple;
}
