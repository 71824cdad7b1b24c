"""Copies tinyprop's files to a board with stock MicroPython, and sees that they work there.

python boards/deploy.py PORT
"""

import argparse
import errno
import hashlib
import os
import re
import subprocess

from board import ROOT, Problem, ask, micropython, run, tell
from mpremote.transport import TransportExecError

FILES = "tinyprop.mpy", "tinyprop_words.mpy", "tinyprop_files.mpy"

# The .mpy format of MicroPython 1.23 and later.
VERSION = 6, 3

# MicroPython's numbers for what a firmware can execute, and which file to give it: a Cortex-M also
# runs the code of lesser ones.
ARCHITECTURES = {
    2: "x64",
    4: "armv6m",
    5: "armv7m",
    6: "armv7m",
    7: "armv7emsp",
    8: "armv7emsp",
    10: "xtensawin",
    11: "rv32imc",
}

IMPORT = """
import gc
gc.collect()
_before = gc.mem_free()
import tinyprop
gc.collect()
_after = gc.mem_free()
import tinyprop_words
gc.collect()
_words = gc.mem_free()
import tinyprop_files
gc.collect()
_free = gc.mem_free()
print((tinyprop.__version__, _before - _after, _after - _words, _words - _free, _free))
"""

# After mpremote could not write the file: its handle is f.
CLEAN_UP = """
try:
    f.close()
except Exception:
    pass
try:
    os.remove("{}")
except OSError:
    pass
"""

TRY = "import tinyprop as tp; m = tp.Model(2, [tp.Dense(2)]); m.learn((1, 3), 1); m.summary()"


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("port")
    port = parser.parse_args(arguments).port
    with micropython(port) as board:
        about = ask(board)
        print(f"{port}: MicroPython {about['release']} on {about['machine']}")
        if about["built_in"]:
            check_built_in(about)
            print(f"tinyprop {about['built_in']} is in this firmware; nothing has to be copied.")
        else:
            folder = build(architecture(about))
            check_files(about)
            for name in FILES:
                copy(board, folder / name)
            version, taken, words, files, free = try_import(board)
            print(
                f"tinyprop {version} works; it takes {taken} bytes of RAM, when they are needed"
                f" tinyprop_words {words} and tinyprop_files {files}, and {free} are free"
            )
    print(f"Try it: make repl PORT={port}, then at the prompt\n    {TRY}")


def architecture(about):
    """The name of the .mpy files that the board can execute."""
    release, mpy = about["release"], about["mpy"]
    version = mpy & 0xFF, mpy >> 8 & 3
    number = mpy >> 10 & 15
    if version < VERSION:
        raise Problem(
            f"MicroPython {release} is too old for {FILES[0]}: it has to be 1.23 or newer."
            " make flash puts another one on the board; see docs/boards.md."
        )
    if version > VERSION:
        raise Problem(
            f"MicroPython {release} wants .mpy files of version {version[0]}.{version[1]}, newer"
            f" than tinyprop's {VERSION[0]}.{VERSION[1]}: put an older one on the board."
        )
    if number == 0:
        raise Problem(
            f"This firmware loads no native code, which {FILES[0]} has. Put another MicroPython on"
            " the board, or one with tinyprop in it: make firmware, then make flash."
        )
    if number not in ARCHITECTURES:
        names = " ".join(sorted(set(ARCHITECTURES.values())))
        raise Problem(
            f"tinyprop has no file for this board's architecture (MicroPython's number {number});"
            f" it has {names}."
        )
    return ARCHITECTURES[number]


# The board's own files come before those in the firmware, so a copied file would win.
def check_built_in(about):
    version, ours = about["built_in"], own_version()
    for name in FILES:
        if name in about["files"]:
            raise Problem(
                f"This firmware has tinyprop {version} in it, but the board imports its file"
                f" {name}, which wins and takes RAM. Remove the file: mpremote rm :{name}"
            )
    if version != ours:
        raise Problem(
            f"This firmware has tinyprop {version} in it, and this is {ours}. A copied file would"
            " win over it, but takes RAM: put new firmware on the board, with make firmware and"
            " make flash."
        )


def own_version():
    source = (ROOT / "micropython_mod/tinyprop.py").read_text()
    return re.search(r'__version__ = "(.*)"', source)[1]


def build(arch):
    """The folder with the files for an architecture, made anew where their sources changed."""
    command = [ROOT / "usermod_c/tinyprop/natmod/build.sh", arch]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Problem(f"{FILES[0]} for {arch} could not be built; see above.")
    return ROOT / f"dist/{arch}_6.3"


def check_files(about):
    for file in FILES:
        module = file.removesuffix(".mpy")
        for name in module, f"{module}.py":
            if name in about["files"]:
                raise Problem(
                    f"The board has {name} among its files, which it would import in place of"
                    f" {file}. Remove it: mpremote rm -r :{name}"
                )
    if about["free"] is None:
        raise Problem("The board has no file system to copy to.")


def copy(board, file):
    data = file.read_bytes()
    digest = hashlib.sha256(data).digest()
    name = f"{file.relative_to(ROOT)}, {len(data)} bytes"
    if digest == digest_there(board, file.name):
        print(f"{name}: is on the board already, by its SHA-256")
        return
    # The old file goes first: a small board has no room for both.
    if board.fs_exists(file.name):
        board.fs_rmfile(file.name)
    if ask(board)["free"] < len(data):
        raise no_room(board, name)
    try:
        board.fs_writefile(file.name, data)
    except OSError as error:
        board.exec(CLEAN_UP.format(file.name))
        if error.errno == errno.ENOSPC:
            raise no_room(board, name) from None
        reason = os.strerror(error.errno) if error.errno else error
        raise Problem(f"The board could not write {file.name}: {reason}") from None
    if digest != digest_there(board, file.name):
        raise Problem(f"{file.name} arrived damaged: its SHA-256 read back is another. Try again.")
    print(f"{name}: copied; its SHA-256 read back is the same")


def no_room(board, name):
    free = ask(board)["free"]
    return Problem(f"The board has no room for {name}; {free} are free. See mpremote ls and df.")


def digest_there(board, name):
    return board.fs_hashfile(name, "sha256") if board.fs_exists(name) else None


def try_import(board):
    try:
        return tell(board, IMPORT)
    except TransportExecError as error:
        reason = error.error_output.strip().splitlines()[-1]
        if "MemoryError" in reason:
            reason += ". It needs some 30 kB of RAM in one piece: does boot.py take that much?"
        if "native code" in reason:
            reason += ". Build firmware with tinyprop in it: make firmware, then make flash."
        raise Problem(f"tinyprop is on the board, but importing it failed: {reason}") from None


if __name__ == "__main__":
    run(main)
