"""The C core, compiled by the machine's gcc, and its functions, called one by one."""

import ctypes
import subprocess
from pathlib import Path

import images
import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CORE = ROOT / "usermod_c" / "tinyprop" / "core"
SOURCES = [CORE / name for name in (CORE / "sources.txt").read_text().split()]
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Werror"]
SANITIZED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def gcc(*arguments):
    command = ["gcc", *map(str, arguments), f"-I{CORE}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"


def library(folder):
    """The core as a shared library for ctypes, with names for its inline functions."""
    path = folder / "core.so"
    gcc("-O1", "-g", "-shared", "-fPIC", "-o", path, *SOURCES, HERE / "inline_functions.c")
    core = ctypes.CDLL(path)
    for name in "tp_exp_minus", "tp_l1_norm", "tp_crossentropy":
        getattr(core, name).restype = ctypes.c_uint32
    core.tp_exp_minus.argtypes = core.tp_bits.argtypes = [ctypes.c_uint32]
    core.tp_select.restype = core.bytes_of_a_model.restype = ctypes.c_size_t
    core.sums_of.restype = ctypes.POINTER(ctypes.c_int32)
    return core


def as_c(value):
    return value.ctypes.data_as(ctypes.c_void_p) if isinstance(value, np.ndarray) else value


class CModel(images.Image):
    """A model in an image, opened, and the functions of the core that take it, or a layer of it."""

    def __init__(self, core, *arguments, **settings):
        self.core = core
        self.buffer = images.build(images.BACKENDS["c"], *arguments, **settings)
        super().__init__(self.buffer)
        self.memory = ctypes.c_char.from_buffer(self.buffer)
        self.opened = ctypes.create_string_buffer(core.bytes_of_a_model())  # tp_model_t
        image = ctypes.c_void_p(ctypes.addressof(self.memory))
        assert core.tp_open(self.opened, image, ctypes.c_size_t(len(self.buffer))) == 0

    def call(self, name, layer, *arguments):
        """name(model, layer, ...), where arrays are passed by their address. layer: a number, or
        None for name(model, ...)."""
        if layer is not None:
            address = ctypes.addressof(self.memory) + self.plan_offset(layer)
            arguments = (ctypes.c_void_p(address), *arguments)
        return getattr(self.core, name)(self.opened, *map(as_c, arguments))

    def list_inputs(self, layer, values):
        """Gives a dense layer its inputs, and makes the list of those that are not 0."""
        self.inputs(layer)[:] = values
        self.call("tp_list_inputs", layer)

    def sums(self, n):
        """Where a forward pass leaves its sums."""
        return np.ctypeslib.as_array(self.core.sums_of(self.opened), (n,))


def int16(n, *values):
    """n deltas: these values, again and again."""
    return np.resize(np.array(values, np.int16), n)
