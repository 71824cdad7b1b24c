"""`_tinyprop` for CPython from the core as WebAssembly: the portable tests run on the very file
that browsers get, out of dist/web.

What a call is given is copied into a memory of WebAssembly, and what it may write is copied back.
"""

import struct
import threading
from pathlib import Path

import numpy as np
import wasmtime

FILE = Path(__file__).resolve().parents[2] / "dist/web/tinyprop/tinyprop.wasm"
PAGE = 65536
LONG = np.iinfo(np.int32).max
MOST = np.iinfo(np.uint32).max
TYPES = {
    "u1": "B",
    "i1": "b",
    "u2": "H",
    "i2": "h",
    "u4": "I",
    "i4": "i",
    "f4": "f",
}
MAY_BE_BEYOND = "u4", "i8", "u8"

_store = wasmtime.Store()
_module = wasmtime.Module.from_file(_store.engine, str(FILE))
_core = wasmtime.Instance(_store, _module, []).exports(_store)
_memory = _core["memory"]
_turn = threading.Lock()
_base = _core["__heap_base"].value(_store)


def look_at_memory():
    """Memory that has grown is another one."""
    global _bytes
    _bytes = memoryview(_memory.get_buffer_ptr(_store)).cast("B")


def with_one_argument(functions):
    """The core's functions for Python, to which each argument of a call costs more than a step
    does: theirs is the place of all."""
    imports, calls = ['(import "" "memory" (memory 0))'], []
    for name, function in functions.items():
        n = len(function.type(_store).params)
        imports.append(f'(import "" "{name}" (func ${name} (param{" i32" * n}) (result i32)))')
        arguments = " ".join(f"(i32.load offset={4 * i} (local.get 0))" for i in range(n))
        call = f"(call ${name} {arguments})"
        calls.append(f'(func (export "{name}") (param i32) (result i32) {call})')
    module = wasmtime.Module(_store.engine, f"(module {' '.join(imports + calls)})")
    return wasmtime.Instance(_store, module, [_memory, *functions.values()]).exports(_store)


look_at_memory()
_functions = with_one_argument(
    {
        export.name: _core[export.name]
        for export in _module.exports
        if export.name.startswith("tp_")
    }
)


class Call:
    """What one call is given, from the end of the core's own memory on. Threads take turns."""

    def __enter__(self):
        _turn.acquire()
        self.end = _base
        self.copies = []  # (where, a buffer that may be written)
        return self

    def __exit__(self, *_):
        _turn.release()

    def room(self, n_bytes):
        at = self.end + 7 & ~7
        self.end = at + n_bytes
        missing = self.end - len(_bytes)
        if missing > 0:
            _memory.grow(_store, -(-missing // PAGE))
            look_at_memory()
        return at

    def put(self, data, writable=False):
        """The place of a buffer's bytes."""
        view = memoryview(data).cast("B")
        at = self.room(len(view))
        _bytes[at : at + len(view)] = view
        if writable:
            self.copies.append((at, view))
        return at

    def image(self, data):
        view = memoryview(data)
        if view.readonly:
            raise TypeError("expected a writable buffer")
        self.bytes = bytes_of(view)
        self.at = self.put(view, writable=True)
        return self.at, len(self.bytes)

    def values(self, data, writable=False):
        """The place of a tp_values_t. For an object that is no buffer, one of several dimensions,
        or an array of numpy of integers that may be beyond those of the core, of which the Python
        half makes floats, the typecode is 0."""
        return self.put(struct.pack("<IIB3x", *self.items(data, writable)))

    def items(self, data, writable):
        try:
            view = memoryview(data)
        except (TypeError, ValueError):
            return 0, 0, 0
        if not view.c_contiguous or view.ndim > 1 or view.readonly and writable:
            return 0, 0, 0
        items = np.asarray(view)
        if items.dtype.byteorder == ">":
            return 0, 0, 0
        if items.dtype.str[1:] in MAY_BE_BEYOND and hasattr(data, "__array__"):
            return 0, 0, 0
        if items.dtype.kind in "iu" and items.itemsize == 8 and not writable:
            # The largest that the core knows here, and what it makes of larger ones on a PC.
            items = np.clip(items, -LONG if items.dtype.kind == "i" else 0, LONG).astype(np.int32)
        letter = TYPES.get(items.dtype.str[1:], "\0")
        inside = np.shares_memory(bytes_of(view), self.bytes) if view.nbytes else False
        at = self.at if inside else self.put(view if writable else items.tobytes(), writable)
        return at, items.size, ord(letter)

    def __call__(self, name, *arguments):
        # Numbers of 32 bits, whatever their sign.
        words = b"".join((int(a) & MOST).to_bytes(4, "little") for a in arguments)
        result = _functions[name](_store, self.put(words))
        for at, view in self.copies:
            view[:] = _bytes[at : at + len(view)]
        return result


def bytes_of(view):
    return np.frombuffer(view.cast("B"), np.uint8)


def backend():
    return "wasm"


def layout(spec, shapes):
    with Call() as call:
        spec = memoryview(spec)
        at = call.put(spec)
        return call(
            "tp_layout", at, spec.nbytes, call.put(shapes, writable=True), len(shapes) // 7
        )


def hold(image):
    with Call() as call:
        return call("tp_hold", *call.image(image))


def init(image, seed):
    with Call() as call:
        return call("tp_init", *call.image(image), seed)


def learn(image, x, y):
    return run(image, x, y, 1, 0, 1, True)


def run(image, x, y, total, start, count, learning):
    with Call() as call:
        image = call.image(image)
        if isinstance(y, int):
            y = np.array([y], np.int32) if -LONG <= y <= LONG else None
        counts = (min(n, MOST) for n in (total, start, count))
        return call("tp_run", *image, call.values(x), call.values(y), *counts, bool(learning))


def predict(image, x, out):
    with Call() as call:
        image = call.image(image)
        scores = 0 if out is None else call.values(out, writable=True)
        return call("tp_predict", *image, call.values(x), scores)


def distances(image, x, out):
    with Call() as call:
        image = call.image(image)
        values, place = (0, x) if isinstance(x, int) else (call.values(x), 0)
        return call("tp_distances", *image, values, place, call.values(out, writable=True))
