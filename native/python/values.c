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

/* The word of a whole number that is no plain int: what `__index__` says. */
static int word_of_index(PyObject *value, char kind, uint64_t *out) {
    PyObject *const number = PyNumber_Index(value);
    if (number == NULL) {
        return -1;
    }
    const int failed = fast_word_of(number, kind, out);
    Py_DECREF(number);
    return failed;
}

int fast_word_of(PyObject *value, char kind, uint64_t *out) {
    if (kind == 'd') {
        const double real = PyFloat_AsDouble(value);
        memcpy(out, &real, sizeof real);
        return real == -1.0 && PyErr_Occurred() != NULL ? -1 : 0;
    }
    if (!PyLong_Check(value)) {
        return word_of_index(value, kind, out);
    }
    *out = kind == 'q' ? (uint64_t)PyLong_AsLongLong(value) : PyLong_AsUnsignedLongLong(value);
    if (*out == UINT64_MAX && PyErr_Occurred() != NULL) {
        return -1;
    }
    if (kind == '?' && *out > 1) {
        PyErr_SetString(PyExc_ValueError, "a bool is True or False, 1 or 0");
        return -1;
    }
    return 0;
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
