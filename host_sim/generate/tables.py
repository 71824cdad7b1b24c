"""Writes usermod_c/tinyprop/core/tables.h from the formulas of the numpy twin."""

import argparse
import textwrap

from _tinyprop_numpy.tables import EXP2, LOG

from .. import ROOT

HEADER = ROOT / "usermod_c/tinyprop/core/tables.h"

START = """\
// Tables of functions, written by `python -m host_sim tables`; a test compares them with the \
formulas.
#ifndef TINYPROP_TABLES_H
#define TINYPROP_TABLES_H

#include <stdint.h>
"""


def array(formula, name, values):
    lines = textwrap.wrap(", ".join(map(str, values)) + ",", 115)
    numbers = textwrap.indent("\n".join(lines), " " * 4)
    return f"// {formula}\nstatic const uint16_t {name}[{len(values)}] = {{\n{numbers}\n}};\n"


def text():
    exp2 = array("round(65535 * 2^(-i / 64))", "tp_exp2_table", EXP2)
    log = array("round(4096 ln(1 + i / 64))", "tp_log_table", LOG)
    return "\n".join([START, exp2, log, "#endif\n"])


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m host_sim tables", description=__doc__)
    parser.parse_args(arguments)
    HEADER.write_text(text())
    print(f"wrote {HEADER}")
