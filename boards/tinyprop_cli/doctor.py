"""What is connected, what is on it, and what is missing."""

import sys

from mpremote.transport import TransportExecError

from tinyprop_cli.board import (
    ROOT,
    Problem,
    ask,
    boards_ports,
    facts,
    how,
    micropython,
    names,
    tell,
)
from tinyprop_cli.board import version as own_version
from tinyprop_cli.deploy import FILES, architecture
from tinyprop_cli.flash import find_drive

FREE = "import gc; gc.collect(); print(gc.mem_free())"
THERE = "import json, tinyprop; print(json.dumps(tinyprop.__version__))"


def doctor():
    this_pc()
    ports = boards_ports()
    for port in ports:
        print(f"{port.device}: {port.description}")
        try:
            look_at(port.device)
        except Problem as problem:
            print(f"    {problem}")
    drives = boot_loaders()
    for drive, board in drives:
        print(f"{drive}: the boot loader of a {board}. Next: {how('flash')}")
    if not ports and not drives:
        print(
            "No board is there. Plug it in, with a cable that carries data: many only charge."
            " A Raspberry Pi Pico\nwithout MicroPython shows itself as a drive if you hold its"
            " button BOOTSEL while you plug it in."
        )


def this_pc():
    import _tinyprop

    core = {"c": "the core in C", "numpy": "numpy, which is slow: no C compiler was there"}
    print(
        f"tinyprop {own_version()} on Python {sys.version.split()[0]}, computing by"
        f" {core[_tinyprop.backend()]}"
    )
    files = sorted(path.name.partition("_")[0] for path in ROOT.glob("dist/*_6.3"))
    print(f"It has files for: {' '.join(files) or 'no board; make mpy builds them in a checkout'}")


def look_at(port):
    with micropython(port) as board:
        about = ask(board)
        print(f"    MicroPython {about['release']} on {about['machine']}")
        there = installed(board)
        free = tell(board, FREE)
        print(f"    {free} bytes of RAM and {about['free']} bytes for files are free")
        if there:
            print(f"    tinyprop {there} is on it" + newer(there, port))
        else:
            file = f"{FILES[0]} for {architecture(about)}"
            print(f"    no tinyprop, which would be {file}. Next: {how('deploy', port)}")


def installed(board):
    """The version of tinyprop on the board, or None."""
    try:
        return tell(board, THERE)
    except TransportExecError:
        return None


def newer(there, port):
    if there == own_version():
        return ""
    return f", and this is {own_version()}. Next: {how('deploy', port)}"


def boot_loaders():
    """(drive, board) of each boot loader that shows itself."""
    found = {}
    for name in names():
        board = facts(name)
        if board["FLASH_TOOL"] == "uf2":
            try:
                drive = find_drive(board)
            except Problem:  # that of another board
                continue
            if drive:
                found.setdefault(drive, board["CHIP"])
    return found.items()
