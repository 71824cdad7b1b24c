"""The C core, compiled by the machine's gcc, and its functions, called one by one."""

import ctypes
import re
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


# ---- structures, as the headers have them

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
TYPES = {f"{name}_t": getattr(ctypes, f"c_{name}") for name in INTEGERS}
TYPES |= {"int": ctypes.c_int, "size_t": ctypes.c_size_t, "char": ctypes.c_char}


def structure(name, body):
    """A structure of fields like `const char *a, b[2];`."""
    fields = []
    for kind, names in re.findall(r"(?:const )?(\w+) ([^;]+);", re.sub("//.*", "", body)):
        for field in names.split(","):
            star, field, n = re.fullmatch(r"\s*(\*?)(\w+)(?:\[(\w+)\])?", field).groups()
            one = ctypes.c_void_p if star else TYPES[kind]
            fields.append((field, one * int(n) if n else one))
    return type(name, (ctypes.Structure,), {"_fields_": fields})


for header in "format.h", "tinyprop.h", "kernels/kernels.h", "core.h":
    text = (CORE / header).read_text()
    for body, name in re.findall(r"^typedef struct \{\n(.*?)^\} (tp_\w+);", text, re.M | re.S):
        TYPES[name] = structure(name, body)


# ---- functions


def library(folder):
    """The core as a shared library for ctypes, with names for its inline functions."""
    path = folder / "core.so"
    gcc("-O1", "-g", "-shared", "-fPIC", "-o", path, *SOURCES, HERE / "inline_functions.c")
    core = ctypes.CDLL(path)
    for name in "tp_exp_minus", "tp_l1_norm", "tp_crossentropy", "tp_float_from_fixed":
        getattr(core, name).restype = ctypes.c_uint32
    core.tp_exp_minus.argtypes = core.tp_bits.argtypes = [ctypes.c_uint32]
    core.tp_select.restype = ctypes.c_size_t
    return core


def as_c(value):
    """Arrays and structures by their address."""
    if isinstance(value, np.ndarray):
        return value.ctypes.data_as(ctypes.c_void_p)
    return ctypes.byref(value) if isinstance(value, ctypes.Structure) else value


class CModel(images.Image):
    """A model that the core has opened, and the core's functions for it. Fields of a layer are
    those of its spec, state and plan."""

    def __init__(self, core, *arguments, **settings):
        super().__init__(images.build(images.BACKENDS["c"], *arguments, **settings))
        self.core, self.opened = core, TYPES["tp_model_t"]()
        self.memory = (ctypes.c_char * len(self.buffer)).from_buffer(self.buffer)
        assert core.tp_open(as_c(self.opened), self.memory, len(self.buffer)) == 0
        plans = (TYPES["tp_layer_t"] * len(self.layers)).from_address(self.opened.layers)
        self.plans = list(plans)
        self.layers = [
            images.Fields(*layer.items, of_plan)
            for layer, of_plan in zip(self.layers, plans, strict=True)
        ]

    def call(self, name, *arguments):
        """name(model, ...), where arrays and structures are passed by their address."""
        return getattr(self.core, name)(as_c(self.opened), *map(as_c, arguments))

    def call_layer(self, name, layer, *arguments):
        """name(model, layer, ...)"""
        return self.call(name, self.plans[layer], *arguments)

    def array(self, offset, n):
        return np.frombuffer(self.buffer, np.int16, n, offset)

    def inputs(self, layer):
        return self.array(self.plans[layer].inputs, self.plans[layer].n_in)

    def outputs(self, layer):
        return self.array(self.plans[layer].outputs, self.plans[layer].n_out)

    def sums(self, n):
        """Where a forward pass leaves its sums."""
        return np.ctypeslib.as_array((ctypes.c_int32 * n).from_address(self.opened.buffer[0]))

    def list_inputs(self, layer, values):
        """Gives a dense layer its inputs, and makes the list of those that are not 0."""
        self.inputs(layer)[:] = values
        self.call_layer("tp_list_inputs", layer)


def int16(n, *values):
    """n deltas: these values, again and again."""
    return np.resize(np.array(values, np.int16), n)
