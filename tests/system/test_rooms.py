"""The rooms of host_sim import only from groups below their own, as its docstring draws them."""

import ast
import re

import tinyprop_cli

import host_sim
from host_sim import ROOT, studies
from host_sim.__main__ import COMMANDS

FOLDER = ROOT / "host_sim"
GROUPS = [
    {line.split()[0].rstrip("/") for line in group.splitlines()}
    for group in host_sim.__doc__.strip().split("\n\n")[1:]
]
GROUP_OF = {room: i for i, group in enumerate(GROUPS) for room in group}
AS_ON_A_BOARD = {"tinyprop": "backend", "_tinyprop": "backend"}  # what such a name leads to


def imported(path):
    """The names that a module imports, in full."""
    package = ("host_sim", *path.relative_to(FOLDER).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += (node.module,) if node.module else ()
            yield from (".".join((*base, alias.name)) for alias in node.names)


def room_of(name):
    """The room that an imported name is in, or None."""
    first = name.removeprefix("host_sim.").split(".")[0]
    first = AS_ON_A_BOARD.get(first, first)
    return first if first in GROUP_OF else None


def test_every_room_has_its_place():
    python = {path.relative_to(FOLDER).parts[0] for path in FOLDER.rglob("*.py")}
    assert {name.removesuffix(".py") for name in python} - {"__init__"} == set(GROUP_OF)


def test_lists_of_modules_are_whole():
    commands = {name for name, (module, _) in COMMANDS.items() if module.startswith("studies.")}
    assert {*re.findall(r"make\s(\w+)", studies.__doc__)} == commands
    there = {path.stem for path in (ROOT / "boards/tinyprop_cli").glob("*.py")} - {"__init__"}
    assert {*re.findall(r"^(\w+)  ", tinyprop_cli.__doc__, re.MULTILINE)} == there


def test_rooms_import_from_below_alone():
    seen = 0
    for path in FOLDER.rglob("*.py"):
        room = path.relative_to(FOLDER).parts[0].removesuffix(".py")
        for other in filter(None, map(room_of, imported(path))):
            if other != room:
                seen += 1
                assert GROUP_OF[room] < GROUP_OF[other], f"{path.name}: {room} imports {other}"
    assert seen > 20
