// The native half of tinyprop, `_tinyprop`: one source for firmware and for the native .mpy file.
#if MICROPY_ENABLE_DYNRUNTIME
#include "py/dynruntime.h"
#else
#include "py/runtime.h"
#endif
#include "py/binary.h"
#include "tinyprop.h"

// Where Ctrl-C jumps out of whatever runs (the unix port), it waits until a call has ended, as half a step is no model.
// (A .mpy has no way to do that: there a model that was cut short stays busy.)
#if MICROPY_ASYNC_KBD_INTR && !defined(_WIN32)
#include <signal.h>
typedef sigset_t signals_t;

static void hold_back_ctrl_c(signals_t *before) {
    sigset_t ctrl_c;
    sigemptyset(&ctrl_c);
    sigaddset(&ctrl_c, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ctrl_c, before);
}

static void let_ctrl_c_through(const signals_t *before) {
    pthread_sigmask(SIG_SETMASK, before, NULL);
}
#else
typedef int signals_t;

static void hold_back_ctrl_c(signals_t *before) {
    (void)before;
}

static void let_ctrl_c_through(const signals_t *before) {
    (void)before;
}
#endif

// Results of the core go to Python as they are: 0 or positive, or a negative tp_err_t, which the Python half puts into
// words (a .mpy cannot format an error text). An argument of the wrong kind becomes a value that the core refuses.

// Not a small int: SIZE_MAX, which every length check rejects.
static size_t to_size(mp_obj_t obj) {
    return mp_obj_is_small_int(obj) ? (size_t)MP_OBJ_SMALL_INT_VALUE(obj) : SIZE_MAX;
}

// For an object that is no buffer the typecode is 0, which the core refuses. A str counts as none, though it has one.
static tp_values_t to_values(mp_obj_t obj, mp_uint_t flags) {
    tp_values_t v = { NULL, 0, 0 };
    mp_buffer_info_t info;
    if (mp_obj_get_type(obj) != &mp_type_str && mp_get_buffer(obj, &info, flags)) {
        v.items = info.buf;
        v.n = info.len;
        v.type = info.typecode == BYTEARRAY_TYPECODE ? 'B' : (char)info.typecode;
        for (size_t size = tp_item_size(v.type); size > 1; size >>= 1) {
            v.n >>= 1;
        }
    }
    return v;
}

typedef struct {
    void *bytes;
    size_t n;
} image_t;

static image_t to_image(mp_obj_t obj) {
    mp_buffer_info_t info;
    mp_get_buffer_raise(obj, &info, MP_BUFFER_RW);
    image_t image = { info.buf, info.len };
    return image;
}

// layout(spec, shapes): bytes of RAM that a model of this spec needs. shapes gets uint32 [n_layers][7]: height, width
// and channels of each layer's output, the products that each of its values sums, and bytes of what it learned, of its
// outputs and of its work
static mp_obj_t mod_layout(mp_obj_t spec_in, mp_obj_t shapes_in) {
    mp_buffer_info_t spec;
    image_t shapes = to_image(shapes_in);
    mp_get_buffer_raise(spec_in, &spec, MP_BUFFER_READ);
    return mp_obj_new_int(tp_layout(spec.buf, spec.len, shapes.bytes, shapes.n / sizeof(tp_shape_t)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(mod_layout_obj, mod_layout);

// hold(image): lets no call work on the model, until `busy` in the image is set to 0
static mp_obj_t mod_hold(mp_obj_t image_in) {
    image_t image = to_image(image_in);
    return mp_obj_new_int(tp_hold(image.bytes, image.n));
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_hold_obj, mod_hold);

// init(image, seed)
static mp_obj_t mod_init(mp_obj_t image_in, mp_obj_t seed) {
    image_t image = to_image(image_in);
    return mp_obj_new_int(tp_init(image.bytes, image.n, (uint32_t)to_size(seed)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(mod_init_obj, mod_init);

// run(image, x, y, total, start, count, learning): samples trained on, or classified correctly. One class number may be
// an int of 32 bits; targets and several class numbers come in a buffer.
static mp_obj_t mod_run(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    image_t image = to_image(args[0]);
    tp_values_t x = to_values(args[1], MP_BUFFER_READ), y;
    int32_t target;
    if (mp_obj_is_small_int(args[2])) {
        mp_int_t value = MP_OBJ_SMALL_INT_VALUE(args[2]);
        target = (int32_t)value;
        y = (tp_values_t) { &target, 1, value == target ? 'i' : 0 };
    } else {
        y = to_values(args[2], MP_BUFFER_READ);
    }
    signals_t signals;
    hold_back_ctrl_c(&signals);
    int result = tp_run(image.bytes, image.n, &x, &y, to_size(args[3]), to_size(args[4]), to_size(args[5]),
        args[6] == mp_const_true);
    let_ctrl_c_through(&signals);
    return mp_obj_new_int(result);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mod_run_obj, 7, 7, mod_run);

// learn(image, x, y): 1 trained, 0 skipped
static mp_obj_t mod_learn(mp_obj_t image, mp_obj_t x, mp_obj_t y) {
    mp_obj_t args[] = { image, x, y, MP_OBJ_NEW_SMALL_INT(1), MP_OBJ_NEW_SMALL_INT(0), MP_OBJ_NEW_SMALL_INT(1),
        mp_const_true };
    return mod_run(7, args);
}
static MP_DEFINE_CONST_FUN_OBJ_3(mod_learn_obj, mod_learn);

// predict(image, x, out): class number; out is None, or an array('f') of n_out items that gets the scores
static mp_obj_t mod_predict(mp_obj_t image_in, mp_obj_t x, mp_obj_t out) {
    image_t image = to_image(image_in);
    tp_values_t values = to_values(x, MP_BUFFER_READ), scores = to_values(out, MP_BUFFER_WRITE);
    signals_t signals;
    hold_back_ctrl_c(&signals);
    int result = tp_predict(image.bytes, image.n, &values, out == mp_const_none ? NULL : &scores);
    let_ctrl_c_through(&signals);
    return mp_obj_new_int(result);
}
static MP_DEFINE_CONST_FUN_OBJ_3(mod_predict_obj, mod_predict);

// distances(image, x, out): by how much the largest probability of x is below 1.0, Q.14; out, an array('I') of a place each,
// gets squared distances to what is remembered. x may be the number of a place
static mp_obj_t mod_distances(mp_obj_t image_in, mp_obj_t x, mp_obj_t out) {
    image_t image = to_image(image_in);
    tp_values_t values = to_values(x, MP_BUFFER_READ), to = to_values(out, MP_BUFFER_WRITE);
    signals_t signals;
    hold_back_ctrl_c(&signals);
    int result = tp_distances(image.bytes, image.n, mp_obj_is_small_int(x) ? NULL : &values, to_size(x), &to);
    let_ctrl_c_through(&signals);
    return mp_obj_new_int(result);
}
static MP_DEFINE_CONST_FUN_OBJ_3(mod_distances_obj, mod_distances);

static mp_obj_t mod_backend(void) {
#if MICROPY_ENABLE_DYNRUNTIME
    return MP_OBJ_NEW_QSTR(MP_QSTR_mpy);
#else
    return MP_OBJ_NEW_QSTR(MP_QSTR_firmware);
#endif
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_backend_obj, mod_backend);

// What Python sees, listed once for both builds. Each MP_QSTR_ is spelled out, because the .mpy linker finds the names
// by searching this text.
#define EXPORTS(X) \
    X(MP_QSTR_backend, MP_ROM_PTR(&mod_backend_obj)) \
    X(MP_QSTR_layout, MP_ROM_PTR(&mod_layout_obj)) \
    X(MP_QSTR_hold, MP_ROM_PTR(&mod_hold_obj)) \
    X(MP_QSTR_init, MP_ROM_PTR(&mod_init_obj)) \
    X(MP_QSTR_learn, MP_ROM_PTR(&mod_learn_obj)) \
    X(MP_QSTR_run, MP_ROM_PTR(&mod_run_obj)) \
    X(MP_QSTR_predict, MP_ROM_PTR(&mod_predict_obj)) \
    X(MP_QSTR_distances, MP_ROM_PTR(&mod_distances_obj))

#if MICROPY_ENABLE_DYNRUNTIME

// A function, and not inlined: a call takes half the code of what it does.
__attribute__((noinline)) static void store(mp_obj_t exports, qstr name, mp_obj_t value) {
    mp_obj_dict_store(exports, MP_OBJ_NEW_QSTR(name), value);
}

// The Python half of tinyprop.mpy runs after this function, in the same namespace, and says `import _tinyprop`. So the
// exports go into an object of their own under that name in sys.modules, where they cannot clash with its names. (The
// object is a class, as a native module has no way to make a module.)
__attribute__((externally_visible)) mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw,
    mp_obj_t *args) {
    MP_DYNRUNTIME_INIT_ENTRY
    mp_obj_t name = MP_OBJ_NEW_QSTR(MP_QSTR__tinyprop);
    mp_obj_t exports = mp_obj_new_dict(0);
#define STORE(qstr, value) store(exports, qstr, (mp_obj_t)(value));
    EXPORTS(STORE)
    mp_obj_t type_args[] = { name, mp_const_empty_tuple, exports };
    mp_obj_t module = mp_call_function_n_kw(MP_OBJ_FROM_PTR(&mp_type_type), 3, 0, type_args);
    mp_obj_t sys = mp_import_name(MP_QSTR_sys, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
    mp_obj_subscr(mp_load_attr(sys, MP_QSTR_modules), name, module);
    MP_DYNRUNTIME_INIT_EXIT
}

#else

#define ROM_ENTRY(qstr, value) { MP_ROM_QSTR(qstr), value },
static const mp_rom_map_elem_t tinyprop_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__tinyprop) }, EXPORTS(ROM_ENTRY)
};
static MP_DEFINE_CONST_DICT(tinyprop_globals, tinyprop_globals_table);

const mp_obj_module_t tinyprop_user_cmodule = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&tinyprop_globals,
};
MP_REGISTER_MODULE(MP_QSTR__tinyprop, tinyprop_user_cmodule);

#endif
