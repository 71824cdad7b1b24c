// `_tinyprop` for CPython from the C core: what modtinyprop.c is for MicroPython.
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>
#include "tinyprop.h"

// ---- arguments. A buffer is held from to_...() to PyBuffer_Release(), which does nothing if there is none.

// A writable image; 0 and a TypeError for anything else.
static int to_image(PyObject *obj, Py_buffer *image) {
    if (PyObject_GetBuffer(obj, image, PyBUF_WRITABLE | PyBUF_ND) == 0) {
        return 1;
    }
    PyErr_SetString(PyExc_TypeError, "expected a writable buffer");
    return 0;
}

// The core's typecode for the format of a buffer, without its byte order mark. The size of an item decides, as 'l' has
// two sizes.
static char to_type(const Py_buffer *view) {
    const char *format = view->format ? view->format : "B";
    while (*format && strchr("@=<", *format)) {
        format++;
    }
    if (!*format || format[1] || !strchr("BbHhIiLlQqf", *format)) {
        return 0;
    }
    int is_signed = *format >= 'a';
    switch (view->itemsize) {
        case 1: return is_signed ? 'b' : 'B';
        case 2: return is_signed ? 'h' : 'H';
        case 4: return *format == 'f' ? 'f' : is_signed ? 'i' : 'I';
        default: return is_signed ? 'q' : 'Q';
    }
}

// For an object that is no buffer the typecode is 0, which the core refuses; and for one of several dimensions, whose
// shape the Python half looks at; and for an array of numpy of integers that may be beyond those of the core, of which
// the Python half makes floats.
static tp_values_t to_values(PyObject *obj, Py_buffer *view, int flags) {
    tp_values_t v = { NULL, 0, 0 };
    view->obj = NULL;
    if (PyObject_GetBuffer(obj, view, PyBUF_ND | PyBUF_FORMAT | flags) == 0) {
        v.items = view->buf;
        v.type = view->ndim > 1 ? 0 : to_type(view);
        if (v.type && strchr("IqQ", v.type) && PyObject_HasAttrString(obj, "__array__")) {
            v.type = 0;
        }
        v.n = (size_t)(view->itemsize ? view->len / view->itemsize : 0);
    }
    PyErr_Clear();
    return v;
}

// An integer of at least 0, for PyArg_ParseTuple's "O&".
static int to_size(PyObject *obj, void *result) {
    Py_ssize_t n = PyIndex_Check(obj) ? PyNumber_AsSsize_t(obj, PyExc_OverflowError) : -1;
    if (n < 0) {
        PyErr_SetString(PyExc_ValueError, "expected an integer from 0 on");
        return 0;
    }
    *(size_t *)result = (size_t)n;
    return 1;
}

// ---- functions

static PyObject *mod_backend(PyObject *self, PyObject *none) {
    return PyUnicode_FromString("c");
}

static PyObject *mod_layout(PyObject *self, PyObject *args) {
    PyObject *spec_in, *shapes_in;
    Py_buffer spec, shapes;
    if (!PyArg_ParseTuple(args, "OO", &spec_in, &shapes_in) || !to_image(shapes_in, &shapes)) {
        return NULL;
    }
    if (PyObject_GetBuffer(spec_in, &spec, PyBUF_ND) < 0) {  // it may be read only
        PyBuffer_Release(&shapes);
        PyErr_SetString(PyExc_TypeError, "expected a buffer");
        return NULL;
    }
    long result = tp_layout(spec.buf, (size_t)spec.len, shapes.buf, (size_t)shapes.len / sizeof(tp_shape_t));
    PyBuffer_Release(&spec);
    PyBuffer_Release(&shapes);
    return PyLong_FromLong(result);
}

static PyObject *mod_hold(PyObject *self, PyObject *image_in) {
    Py_buffer image;
    if (!to_image(image_in, &image)) {
        return NULL;
    }
    long result = tp_hold(image.buf, (size_t)image.len);
    PyBuffer_Release(&image);
    return PyLong_FromLong(result);
}

static PyObject *mod_init(PyObject *self, PyObject *args) {
    PyObject *image_in;
    size_t seed;
    Py_buffer image;
    if (!PyArg_ParseTuple(args, "OO&", &image_in, to_size, &seed) || !to_image(image_in, &image)) {
        return NULL;
    }
    long result = tp_init(image.buf, (size_t)image.len, (uint32_t)seed);
    PyBuffer_Release(&image);
    return PyLong_FromLong(result);
}

// One class number may be an int of 32 bits, which is then stored in *number; targets and several class numbers come in a
// buffer.
static void to_targets(PyObject *obj, Py_buffer *view, int32_t *number, tp_values_t *v) {
    view->obj = NULL;
    if (!PyLong_Check(obj)) {
        *v = to_values(obj, view, 0);
        if (v->type || !PyIndex_Check(obj)) {
            return;
        }
    }
    Py_ssize_t value = PyNumber_AsSsize_t(obj, NULL);
    if (value == -1 && PyErr_Occurred()) {  // an array has __index__, and only if it has one item a number
        PyErr_Clear();
        return;
    }
    *number = (int32_t)value;
    *v = (tp_values_t) { number, 1, value == *number ? 'i' : 0 };
}

static PyObject *run(PyObject *image_in, PyObject *x_in, PyObject *y_in, size_t total, size_t start, size_t count,
    int learning) {
    Py_buffer image, x, y;
    tp_values_t targets;
    int32_t number;
    if (!to_image(image_in, &image)) {
        return NULL;
    }
    to_targets(y_in, &y, &number, &targets);
    tp_values_t values = to_values(x_in, &x, 0);
    long result = tp_run(image.buf, (size_t)image.len, &values, &targets, total, start, count, learning);
    PyBuffer_Release(&y);
    PyBuffer_Release(&x);
    PyBuffer_Release(&image);
    return PyLong_FromLong(result);
}

static PyObject *mod_learn(PyObject *self, PyObject *args) {
    PyObject *image, *x, *y;
    return PyArg_ParseTuple(args, "OOO", &image, &x, &y) ? run(image, x, y, 1, 0, 1, 1) : NULL;
}

static PyObject *mod_run(PyObject *self, PyObject *args) {
    PyObject *image, *x, *y;
    size_t total, start, count;
    int learning;
    if (!PyArg_ParseTuple(args, "OOOO&O&O&p", &image, &x, &y, to_size, &total, to_size, &start, to_size, &count,
            &learning)) {
        return NULL;
    }
    return run(image, x, y, total, start, count, learning);
}

static PyObject *mod_predict(PyObject *self, PyObject *args) {
    PyObject *image_in, *x_in, *out_in;
    Py_buffer image, x, out;
    if (!PyArg_ParseTuple(args, "OOO", &image_in, &x_in, &out_in) || !to_image(image_in, &image)) {
        return NULL;
    }
    tp_values_t values = to_values(x_in, &x, 0), scores = to_values(out_in, &out, PyBUF_WRITABLE);
    long result = tp_predict(image.buf, (size_t)image.len, &values, out_in == Py_None ? NULL : &scores);
    PyBuffer_Release(&out);
    PyBuffer_Release(&x);
    PyBuffer_Release(&image);
    return PyLong_FromLong(result);
}

static PyObject *mod_distances(PyObject *self, PyObject *args) {
    PyObject *image_in, *x_in, *out_in;
    Py_buffer image, x, out;
    size_t place = 0;
    if (!PyArg_ParseTuple(args, "OOO", &image_in, &x_in, &out_in) || (PyLong_Check(x_in) && !to_size(x_in, &place))
        || !to_image(image_in, &image)) {
        return NULL;
    }
    tp_values_t values = to_values(x_in, &x, 0), to = to_values(out_in, &out, PyBUF_WRITABLE);
    long result = tp_distances(image.buf, (size_t)image.len, PyLong_Check(x_in) ? NULL : &values, place, &to);
    PyBuffer_Release(&out);
    PyBuffer_Release(&x);
    PyBuffer_Release(&image);
    return PyLong_FromLong(result);
}

static PyMethodDef methods[] = {
    { "backend", mod_backend, METH_NOARGS, NULL },
    { "layout", mod_layout, METH_VARARGS, "layout(spec, shapes): bytes of RAM that a model of this spec needs" },
    { "hold", mod_hold, METH_O, "hold(image): lets no call work on the model, until `busy` in it is set to 0" },
    { "init", mod_init, METH_VARARGS, "init(image, seed)" },
    { "learn", mod_learn, METH_VARARGS, "learn(image, x, y): 1 trained, 0 skipped" },
    { "run", mod_run, METH_VARARGS,
        "run(image, x, y, total, start, count, learning): trained on, or classified correctly" },
    { "predict", mod_predict, METH_VARARGS, "predict(image, x, out): class number; out: None, or gets scores" },
    { "distances", mod_distances, METH_VARARGS,
        "distances(image, x, out): doubt; out gets squared distances of x, or of a place, to what is remembered" },
    { NULL, NULL, 0, NULL },
};

static PyModuleDef module = { PyModuleDef_HEAD_INIT, .m_name = "_tinyprop_c", .m_size = 0, .m_methods = methods };

PyMODINIT_FUNC PyInit__tinyprop_c(void) {
    return PyModuleDef_Init(&module);
}
