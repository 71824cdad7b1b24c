"""The command line of a study of nets, each with the name of its data set as `data`."""

from pathlib import Path

from ... import ROOT
from ...tasks.simple import OWN
from .command import folder, listed, parser, present


def parser_of_nets(command, description, nets):
    """A parser that takes nets, a folder of data sets, and where results of runs are kept."""
    result = parser(command, description)
    result.add_argument("--data", type=folder, help="folder of the data sets")
    result.add_argument("--only", type=listed(nets), default=list(nets))
    result.add_argument("--runs", type=Path, default=ROOT / "build" / command)
    return result


def to_learn(given, nets):
    """Those of the nets asked for whose data are here."""
    others = [nets[name].data for name in given.only if nets[name].data not in OWN]
    here = {*OWN, *(present(dict.fromkeys(others), given.data) if given.data else ())}
    return [name for name in given.only if nets[name].data in here]
