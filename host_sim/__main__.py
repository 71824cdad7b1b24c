"""python -m host_sim COMMAND: what tinyprop does on a PC, beside running there."""

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

# A module of this folder for each command, with main(arguments).
COMMANDS = {
    "demo": "learn digits inside MicroPython and show how it went",
    "digests": "write the digests that tests/portable/test_digest.py expects",
    "digits": "accuracy on digits of every policy, over several seeds: writes reports/digits.*",
    "pictures": "draw the pictures of docs/method.md",
    "reproduce": "the papers' table on the papers' data sets: writes reports/summary.csv and more",
    "streams": "what helps when a stream changes or a class is rare: writes reports/streams.md",
    "tables": "write core/tables.h from the formulas",
}


def main():
    parser = argparse.ArgumentParser(
        prog="python -m host_sim",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"  {name:12} {text}" for name, text in COMMANDS.items()),
    )
    parser.add_argument("command", choices=COMMANDS, metavar="command", help="one of these:")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="see: command --help")
    given = parser.parse_args()

    # tinyprop and, below it, `_tinyprop` as a PC has it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's: studies have a process a core
    here = Path(__file__).resolve().parent
    sys.path[:0] = [str(here.parent / "micropython_mod"), str(here)]
    sys.exit(import_module(f"host_sim.{given.command}").main(given.arguments))


if __name__ == "__main__":
    main()
