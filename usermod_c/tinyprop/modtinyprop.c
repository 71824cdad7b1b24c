// The native half of tinyprop, `_tinyprop`: one source for firmware and for the native .mpy file.
#if MICROPY_ENABLE_DYNRUNTIME
#include "py/dynruntime.h"
#else
#include "py/runtime.h"
#endif

static mp_obj_t mod_backend(void) {
    #if MICROPY_ENABLE_DYNRUNTIME
    return MP_OBJ_NEW_QSTR(MP_QSTR_mpy);
    #else
    return MP_OBJ_NEW_QSTR(MP_QSTR_firmware);
    #endif
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_backend_obj, mod_backend);

// What Python sees, listed once for both builds. Every MP_QSTR_ is spelled whole, because the
// .mpy linker finds the names by searching this text.
#define EXPORTS(X) \
    X(MP_QSTR_backend, MP_ROM_PTR(&mod_backend_obj))

#if MICROPY_ENABLE_DYNRUNTIME

// The Python half of tinyprop.mpy runs after this function, in the same namespace, and says
// `import _tinyprop`. So the exports go into an object of their own under that name in sys.modules
// (a class, as a native module has no way to make a module), where they cannot meet its names.
mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args) {
    MP_DYNRUNTIME_INIT_ENTRY
    mp_obj_t name = MP_OBJ_NEW_QSTR(MP_QSTR__tinyprop);
    mp_obj_t exports = mp_obj_new_dict(0);
    #define STORE(qstr, value) mp_obj_dict_store(exports, MP_OBJ_NEW_QSTR(qstr), (mp_obj_t)(value));
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
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__tinyprop) },
    EXPORTS(ROM_ENTRY)
};
static MP_DEFINE_CONST_DICT(tinyprop_globals, tinyprop_globals_table);

const mp_obj_module_t tinyprop_user_cmodule = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&tinyprop_globals,
};
MP_REGISTER_MODULE(MP_QSTR__tinyprop, tinyprop_user_cmodule);

#endif
