/* The types, made once for the one module. */
#include "fast_types.h"

PyTypeObject *fast_region_type;
PyTypeObject *fast_reader_type;
PyTypeObject *fast_writer_type;
PyTypeObject *fast_queue_reader_type;
PyTypeObject *fast_queue_writer_type;

static int add(PyObject *module, const char *name, PyTypeObject **type, PyType_Spec *spec) {
    *type = (PyTypeObject *)PyType_FromSpec(spec);
    return *type == NULL ? -1 : PyModule_AddObjectRef(module, name, (PyObject *)*type);
}

int fast_add_types(PyObject *module) {
    if (add(module, "Region", &fast_region_type, &fast_region_spec) != 0 ||
        add(module, "ChannelReader", &fast_reader_type, &fast_reader_spec) != 0 ||
        add(module, "ChannelWriter", &fast_writer_type, &fast_writer_spec) != 0 ||
        add(module, "QueueReader", &fast_queue_reader_type, &fast_queue_reader_spec) != 0) {
        return -1;
    }
    return add(module, "QueueWriter", &fast_queue_writer_type, &fast_queue_writer_spec);
}
