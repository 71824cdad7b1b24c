"""The structures of the core's headers, for ctypes and, by np.dtype(), for numpy."""

import ctypes
import re

from compiling import CORE

HEADERS = "format.h", "tinyprop.h", "kernels/kernels.h", "core.h"

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
TYPES = {f"{name}_t": getattr(ctypes, f"c_{name}") for name in INTEGERS}
TYPES |= {"int": ctypes.c_int, "size_t": ctypes.c_size_t, "char": ctypes.c_char}


def structure(name, body):
    """A structure with fields like `const char *a, b[2];`."""
    fields = []
    for kind, names in re.findall(r"(?:const )?(\w+) ([^;]+);", re.sub("//.*", "", body)):
        for field in names.split(","):
            star, field, n = re.fullmatch(r"\s*(\*?)(\w+)(?:\[(\w+)\])?", field).groups()
            one = ctypes.c_void_p if star else TYPES[kind]
            fields.append((field, one * int(n) if n else one))
    return type(name, (ctypes.Structure,), {"_fields_": fields})


for header in HEADERS:
    text = (CORE / header).read_text()
    for body, name in re.findall(r"^typedef struct \{\n(.*?)^\} (\w+);", text, re.M | re.S):
        TYPES[name] = structure(name, body)

tp_model_t, tp_layer_t = TYPES["tp_model_t"], TYPES["tp_layer_t"]
