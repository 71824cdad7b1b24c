"""Writes what follows from schema.py into every file that needs it.

core/format.h, _tinyprop_numpy/format.py, web/format.js and tests/portable/model_format.py are
written whole; the files of the Python half have a block of constants, docs/format.md tables,
between two lines that say so.
"""

import argparse
import json
import re
from pathlib import Path

from host_sim.generate import schema

ROOT = Path(__file__).resolve().parents[2]
C_HEADER = ROOT / "usermod_c/tinyprop/core/format.h"
NUMPY = ROOT / "host_sim/_tinyprop_numpy/format.py"
JAVASCRIPT = ROOT / "host_sim/web/format.js"
PYTHON_HALF = sorted((ROOT / "micropython_mod").glob("tinyprop*.py"))
PORTABLE_TESTS = ROOT / "tests/portable/model_format.py"
PAGE = ROOT / "docs/format.md"

MADE_BY = "Written by `python -m host_sim format` from host_sim/generate/schema.py."

C_TYPES = {
    "u1": "uint8_t",
    "u2": "uint16_t",
    "u4": "uint32_t",
    "u8": "uint64_t",
    "i1": "int8_t",
    "i2": "int16_t",
    "i4": "int32_t",
    "f4": "uint32_t",  # its bits: the core knows no float
}
# struct's letters.
LETTERS = {"u1": "B", "u2": "H", "u4": "I", "u8": "Q", "i1": "b", "i2": "h", "i4": "i", "f4": "f"}


def c_header():
    lines = [f"// {MADE_BY}", "// What the bytes mean is in docs/format.md."]
    lines += ["#ifndef TINYPROP_FORMAT_H", "#define TINYPROP_FORMAT_H", "", "#include <stdint.h>"]
    magic = int.from_bytes(schema.MAGIC, "little")
    lines += ["", f"#define TP_MAGIC {magic:#x}u", f"#define TP_VERSION {schema.VERSION}"]
    lines += [f"#define TP_ALIGN {schema.ALIGN}"]
    for name, value, says in schema.LIMITS:
        says = f"  // {says}" if says else ""
        lines.append(f"#define TP_{name.upper()} {value}{says}")
    for enum in schema.ENUMS:
        lines += ["", f"// {enum.says}", "enum {"]
        lines += [f"    TP_{name.upper()},  // {says}" for name, says in enum.members]
        lines += [f"    TP_N_{enum.name.upper()}", "};"]
    lines += [
        "",
        "// What a call returns in place of a result.",
        "typedef enum {",
        "    TP_OK = 0,",
    ]
    for i, (name, says) in enumerate(schema.ERRORS):
        lines.append(f"    TP_E_{name.upper()} = {-1 - i},  // {says}")
    lines += ["} tp_err_t;"]
    for struct in schema.STRUCTS:
        lines += ["", f"// {struct.says}", "typedef struct {"]
        for field in struct.fields:
            name = f"{field.name}[{field.n}]" if field.n > 1 else field.name
            says = f"  // {field.says}" if field.says else ""
            lines.append(f"    {C_TYPES[field.type]} {name};{says}")
        lines.append(f"}} tp_{struct.name}_t;")
    return "\n".join([*lines, "", "#endif", ""])


def numpy_module():
    lines = ['"""The format of a model.', "", f'{MADE_BY}"""', "", "from enum import IntEnum", ""]
    lines += ["import numpy as np", "", f"MAGIC = 0x{int.from_bytes(schema.MAGIC, 'little'):X}"]
    lines += [f"VERSION = {schema.VERSION}", f"ALIGN = {schema.ALIGN}", ""]
    lines += [f"{name.upper()} = {value}" for name, value, _ in schema.LIMITS]
    for enum in schema.ENUMS:
        names = tuple(name for name, _ in enum.members)
        lines += ["", f"# {enum.says}", f"{', '.join(names).upper()} = range({len(names)})"]
        lines += [f"{enum.name.upper()}_NAMES = {literal(names)}"]
    lines += ["", "", "class Error(IntEnum):"]
    lines += [
        '    """Why a call was refused; the functions of `_tinyprop` return these numbers."""',
        "",
    ]
    lines += [f"    {name.upper()} = {-1 - i}" for i, (name, _) in enumerate(schema.ERRORS)]
    lines.append("")
    for struct in schema.STRUCTS:
        lines += ["", f"{struct.name.upper()} = np.dtype(", "    ["]
        for field in struct.fields:
            shape = f", {field.n}" if field.n > 1 else ""
            kind = f"<{field.type}" if field.bytes // field.n > 1 else field.type
            lines.append(f'        ("{field.name}", "{kind}"{shape}),')
        lines += ["    ]", ")"]
    return "\n".join([*lines, ""])


def mentioned(folder, pattern, prefix):
    """(name, value) of each constant that a file of the folder mentions, as prefix.NAME: only
    these, as boards have little RAM, and a browser loads them all."""
    text = "".join(file.read_text() for file in folder.glob(pattern))
    used = set(re.findall(rf"\b{prefix}\.([A-Z_]+)", text))
    return [(name, value) for name, value in python_constants() if name in used]


def javascript_module():
    lines = ["// The format of a model.", f"// {MADE_BY}"]
    for name, value in mentioned(JAVASCRIPT.parent, "*.js", "format"):
        lines.append(f"export const {name} = {json.dumps(value)};")
    return "\n".join([*lines, ""])


def python_constants():
    """(name, value) of each constant for Python without numpy, and for JavaScript."""
    yield "VERSION", schema.VERSION
    yield "VERSION_WITH_NAMES", schema.VERSION_WITH_NAMES
    yield "SHAPE", schema.SHAPE
    for name, value, _ in schema.LIMITS:
        yield name.upper(), value
    for enum in schema.ENUMS:
        for i, (name, _) in enumerate(enum.members):
            yield name.upper(), i
        yield f"{enum.name.upper()}_NAMES", tuple(name for name, _ in enum.members)
    for i, (name, _) in enumerate(schema.ERRORS):
        yield f"E_{name.upper()}", -1 - i
    for struct in schema.STRUCTS:
        of_struct = struct.name.upper()
        yield f"{of_struct}_BYTES", struct.bytes
        yield f"{of_struct}_FORMAT", struct_format(struct)
        for field in struct.fields:
            yield f"{of_struct}_{field.name.upper()}", struct.offset(field.name)


def struct_format(struct):
    """The format for the module struct; reserved bytes are padding."""
    letters = ""
    for field in struct.fields:
        if field.name == "magic":
            letters += "4s"
        elif field.name == "reserved":
            letters += "x" * field.bytes
        else:
            letters += LETTERS[field.type] * field.n
    return "<" + re.sub(r"(\w)\1+", lambda run: f"{len(run[0])}{run[1]}", letters)


def literal(value):
    return repr(value).replace("'", '"')


def python_block(text):
    """The constants that the rest of the file mentions, as const() for MicroPython's compiler."""
    used = set(re.findall(r"\b_([A-Z][A-Z_]+)\b", text))
    return [
        f"_{name} = const({literal(value)})" for name, value in python_constants() if name in used
    ]


def portable_module():
    lines = [f"# The format of a model. {MADE_BY}"]
    for name, value in mentioned(PORTABLE_TESTS.parent, "*.py", "fmt"):
        lines.append(f"{name} = {literal(value)}")
    return "\n".join([*lines, ""])


def table(struct):
    """A struct byte by byte, in Markdown."""
    lines = ["| offset | bytes | type | field | |", "|---:|---:|---|---|---|"]
    for field in struct.fields:
        type_ = {"u": "uint", "i": "int", "f": "float"}[field.type[0]]
        type_ += str(8 * int(field.type[1])) + (f" x {field.n}" if field.n > 1 else "")
        offset, says = struct.offset(field.name), field.says.replace("|", "\\|")
        lines.append(f"| {offset} | {field.bytes} | {type_} | `{field.name}` | {says} |")
    return lines


def numbers(enum):
    lines = ["| number | name | |", "|---:|---|---|"]
    return lines + [f"| {i} | `{name}` | {says} |" for i, (name, says) in enumerate(enum.members)]


def page_tables():
    return {item.name: table(item) for item in schema.STRUCTS} | {
        item.name: numbers(item) for item in schema.ENUMS
    }


def between(text, start, end, lines):
    """text with other lines between the lines start and end."""
    assert start in text and end in text, f"{start!r} and {end!r} are needed"
    before, rest = text.split(start, 1)
    old, after = rest.split(end, 1)
    return before + start + "\n" + "\n".join(lines) + "\n" + end + after


START = "# ---- the format of a model (written by `python -m host_sim format`: do not edit)"
END = "# ---- end of the format"


def python_half(text):
    outside = between(text, START, END, [])
    return between(text, START, END, python_block(outside))


def page(text):
    for name, lines in page_tables().items():
        text = between(text, f"<!-- {name} -->\n", f"\n<!-- end of {name} -->", lines)
    return re.sub(r"(?<=This page is version )\d+", str(schema.VERSION), text)


def files():
    """What each file should hold."""
    return {
        C_HEADER: c_header(),
        NUMPY: numpy_module(),
        JAVASCRIPT: javascript_module(),
        PORTABLE_TESTS: portable_module(),
        PAGE: page(PAGE.read_text()),
        **{path: python_half(path.read_text()) for path in PYTHON_HALF},
    }


def main(arguments):
    argparse.ArgumentParser(prog="python -m host_sim format", description=__doc__).parse_args(
        arguments
    )
    for path, text in files().items():
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}")
