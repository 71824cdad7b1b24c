"""tinyprop on a PC, in rooms. A room imports only from groups below its own.

__main__          python -m host_sim COMMAND

tinyprop_desk/    networks of other libraries, arrays of numpy and pandas; pip installs it too
demo/             learns digits inside MicroPython and shows it; the pictures of docs/method.md
studies/          comparisons: digits, streams, papers, faults, fleets and others; kit/ for all
generate/         files that a program writes: the format, tables, digests, golden files, wiring

tinyprop_flower/  many boards that learn one model, by Flower; pip installs it too
tasks/            what there is to learn: data sets, and networks for them
internals         what the public API does not tell of a model
oracle            the models in floating point

backend/          `import _tinyprop` on CPython: the core in C, or the specification

_tinyprop_numpy/  the specification: the core in numpy
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def add_to_path(*folders):
    """Modules in these folders are then imported by their bare names, as on a board."""
    sys.path[:0] = [str(ROOT / folder) for folder in folders]


add_to_path("micropython_mod", "host_sim/backend", "host_sim")
