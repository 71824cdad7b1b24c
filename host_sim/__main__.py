"""python -m host_sim COMMAND: what tinyprop does on a PC, beside running there."""

import argparse
import os
import sys
from importlib import import_module

# For each command its module, which has main(arguments), and what it does.
COMMANDS = {
    "demo": ("demo.demo", "learn digits inside MicroPython and show how it went"),
    "digests": (
        "generate.digests",
        "write the digests that tests/portable/test_digest.py expects",
    ),
    "digits": (
        "studies.digits",
        "accuracy on digits of every policy, over several seeds: writes reports/digits.*",
    ),
    "endurance": (
        "studies.endurance",
        "years of samples, and what is wrong with some: writes reports/endurance.md",
    ),
    "faults": (
        "studies.faults",
        "whether check() names rates that are wrong: writes reports/faults.*",
    ),
    "first_use": (
        "studies.first_use",
        "what layers alone give a newcomer, on ten data sets: writes reports/first_use.*",
    ),
    "fleet": (
        "studies.fleet",
        "what boards gain by learning together: writes reports/fleet.*",
    ),
    "format": (
        "generate.format",
        "write what follows from generate/schema.py: format.h and others",
    ),
    "golden": (
        "generate.golden",
        "write the golden files of this version of the format that are missing",
    ),
    "page": ("demo.page_picture", "take the picture of the page in a browser: docs/page.png"),
    "pictures": ("demo.method_pictures", "draw the pictures of docs/method.md"),
    "reproduce": (
        "studies.papers",
        "the papers' table on the papers' data sets: writes reports/summary.csv and more",
    ),
    "streams": (
        "studies.streams",
        "what helps when a stream changes or a class is rare: writes reports/streams.md",
    ),
    "tables": ("generate.tables", "write core/tables.h from the formulas"),
    "thonny": ("demo.thonny_picture", "take the picture of Thonny at a Pico: docs/thonny.png"),
    "unknown": (
        "studies.unknown",
        "whether a model knows what it was never taught: writes reports/unknown.md",
    ),
    "wiring": ("generate.wiring", "draw how the examples are connected: examples/*/wiring.svg"),
}


def main():
    parser = argparse.ArgumentParser(
        prog="python -m host_sim",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"  {name:12} {text}" for name, (_, text) in COMMANDS.items()),
    )
    parser.add_argument("command", choices=COMMANDS, metavar="command", help="one of these:")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="see: command --help")
    given = parser.parse_args()

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's; a study has a process per core
    module, _ = COMMANDS[given.command]
    sys.exit(import_module(f"host_sim.{module}").main(given.arguments))


if __name__ == "__main__":
    main()
