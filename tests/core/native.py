"""The C core, compiled by the machine's gcc, and calls of its single functions."""

import ctypes
import subprocess
from pathlib import Path

import images
import numpy as np
from _tinyprop_numpy import rate
from headers import CORE, tp_model_t

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SOURCES = [CORE / name for name in (CORE / "sources.txt").read_text().split()]
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Werror"]
SANITIZED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def gcc(*arguments):
    command = ["gcc", *map(str, arguments), f"-I{CORE}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"


def library(folder):
    """The core as a shared library for ctypes; its inline functions have names there too."""
    path = folder / "core.so"
    gcc("-O1", "-g", "-shared", "-fPIC", "-o", path, *SOURCES, HERE / "inline_functions.c")
    core = ctypes.CDLL(path)
    for name in "tp_exp_minus", "tp_l1_norm", "tp_crossentropy", "tp_float_from_fixed":
        getattr(core, name).restype = ctypes.c_uint32
    core.tp_exp_minus.argtypes = core.tp_bits.argtypes = [ctypes.c_uint32]
    core.tp_select.restype = ctypes.c_size_t
    core.tp_nonzero_of.restype = ctypes.c_void_p
    return core


def as_c(value):
    """Arrays and structures are passed by address."""
    if isinstance(value, np.ndarray):
        return value.ctypes.data_as(ctypes.c_void_p)
    return ctypes.byref(value) if isinstance(value, ctypes.Structure) else value


class CModel(images.Image):
    """An opened model in an image, and the core's functions that take it or one of its layers."""

    def __init__(self, core, *arguments, **settings):
        self.core = core
        self.buffer = images.build(images.BACKENDS["c"], *arguments, **settings)
        super().__init__(self.buffer)
        self.memory = ctypes.c_char.from_buffer(self.buffer)
        self.opened = tp_model_t()
        image = ctypes.c_void_p(ctypes.addressof(self.memory))
        assert core.tp_open(as_c(self.opened), image, ctypes.c_size_t(len(self.buffer))) == 0
        self.set_rates()

    def call(self, name, layer, *arguments):
        """Calls name(model, layer, ...), arrays and structures by address. layer: a number, or
        None for name(model, ...)."""
        if layer is not None:
            address = ctypes.addressof(self.memory) + self.plan_offset(layer)
            arguments = (ctypes.c_void_p(address), *arguments)
        return getattr(self.core, name)(as_c(self.opened), *map(as_c, arguments))

    def set_rates(self):
        """Gives layers the learning rate of the spec, as a step does."""
        for i, layer in enumerate(self.twin.layers):
            if layer.has_weights:
                self.call("tp_set_rate", i)
                rate.set_rate(self.twin, layer)

    def list_inputs(self, layer, values):
        """Gives a dense layer its inputs, and builds the list of the non-zero ones."""
        self.inputs(layer)[:] = values
        self.call("tp_list_inputs", layer)

    def z(self, n):
        """Where a forward pass leaves its sums."""
        return np.ctypeslib.as_array((ctypes.c_int32 * n).from_address(self.opened.buffer[0]))


def int16(n, *values):
    """n deltas: these values, repeated."""
    return np.resize(np.array(values, np.int16), n)
