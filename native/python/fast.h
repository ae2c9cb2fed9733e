/* fast.h: the types of fast_types.h in cffi's module.
 *
 * Included behind the declarations, in the one file that cffi generates: its init function is
 * renamed, so that the types are there as soon as the module is.
 */
#ifndef AMP_PYTHON_FAST_H
#define AMP_PYTHON_FAST_H

#include "fast_types.h"

/* Make cffi's module as cffi does, then add the types. */
static PyObject *fast_module(const char *name, Py_ssize_t version,
                             const struct _cffi_type_context_s *context) {
    PyObject *const module = _cffi_init(name, version, context);
    if (module != NULL && fast_add_types(module) != 0) {
        Py_DECREF(module);
        return NULL;
    }
#ifdef Py_GIL_DISABLED
    /* One thread uses one object: a close beside a read would pull the memory away under it. */
    if (module != NULL && PyUnstable_Module_SetGIL(module, Py_MOD_GIL_USED) != 0) {
        Py_DECREF(module);
        return NULL;
    }
#endif
    return module;
}

#define _cffi_init fast_module /* what the generated PyInit function calls from here on */

#endif
