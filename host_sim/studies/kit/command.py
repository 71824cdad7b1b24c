"""The command line of a study."""

import argparse
from pathlib import Path

from ... import ROOT
from ...tasks import datasets

REPORTS = ROOT / "reports"


def parser(command, description):
    return argparse.ArgumentParser(
        prog=f"python -m host_sim {command}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def parser_with_data(command, description):
    """A parser with a folder of data sets as its first argument."""
    result = parser(command, description)
    result.add_argument("data", metavar="DATA", type=folder, help="folder of the data sets")
    return result


def folder(text):
    if not text or not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no folder; with make, DATA=folder")
    return Path(text).resolve()


def listed(choices):
    """The type of an argument that lists some of these choices: a,b,c"""

    def read(text):
        names = text.split(",")
        for name in names:
            if name not in choices:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(choices)}")
        return names

    return read


def present(names, data):
    """Those data sets that are in the folder; prints where to get each of the others."""
    found = []
    for name in names:
        try:
            datasets.load(name, data)
            found.append(name)
        except datasets.Missing as e:
            print(e)
    return found
