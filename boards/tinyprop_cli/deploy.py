"""Copies tinyprop's files to a board with stock MicroPython, and sees that they work there."""

import hashlib
import subprocess

from mpremote.transport import TransportExecError

from tinyprop_cli.board import INSTALLED, ROOT, Problem, ask, how, micropython, tell, version
from tinyprop_cli.copying import digest_there, write

FILES = tuple((ROOT / "boards/mpy_files.txt").read_text().split())

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

OWN_FIRMWARE = "in a checkout, make firmware and then make flash"

IMPORT = """
import gc, json
gc.collect()
_before = gc.mem_free()
import tinyprop
gc.collect()
_after = gc.mem_free()
import tinyprop_layers
gc.collect()
_layers = gc.mem_free()
import tinyprop_check, tinyprop_files
gc.collect()
_all = gc.mem_free()
print(json.dumps([tinyprop.__version__, _before - _after, _after - _layers, _layers - _all, _all]))
"""

TRY = "import tinyprop as tp; m = tp.Model(2, [tp.Dense(2)]); m.learn((1, 3), 1); m.summary()"


def deploy(port):
    with micropython(port) as board:
        about = ask(board)
        print(f"{port}: MicroPython {about['release']} on {about['machine']}")
        if about["built_in"]:
            check_built_in(about)
            print(f"tinyprop {about['built_in']} is in this firmware; nothing has to be copied.")
        else:
            folder = mpy_folder(architecture(about))
            check_files(about)
            # What mip has put there is renewed there; beside it the board would have it twice.
            in_lib = FILES[0] not in about["files"] and board.fs_exists(f"/lib/{FILES[0]}")
            for name in FILES:
                copy(board, folder / name, f"/lib/{name}" if in_lib else name)
            there, taken, layers, rest, free = try_import(board)
            print(
                f"tinyprop {there} works; it takes {taken} bytes of RAM, {layers} more to make a"
                f" model and {rest} for all that is imported when asked for; {free} are then free"
            )
    print(f"Try it: {how('repl', port)}, then at the prompt\n    {TRY}")


def architecture(about):
    """The name of the .mpy files that the board can execute."""
    release, mpy = about["release"], about["mpy"]
    version = mpy & 0xFF, mpy >> 8 & 3
    number = mpy >> 10 & 15
    if version < VERSION:
        raise Problem(
            f"MicroPython {release} is too old for {FILES[0]}: it has to be 1.23 or newer."
            " tinyprop flash, or make flash in a checkout, puts another one on the board."
        )
    if version > VERSION:
        raise Problem(
            f"MicroPython {release} wants .mpy files of version {version[0]}.{version[1]}, newer"
            f" than tinyprop's {VERSION[0]}.{VERSION[1]}: put an older one on the board."
        )
    if number == 0:
        raise Problem(
            f"This firmware loads no native code, which {FILES[0]} has. Put another MicroPython on"
            f" the board, or one with tinyprop in it: {OWN_FIRMWARE}."
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
    built_in, ours = about["built_in"], version()
    for name in FILES:
        if name in about["files"]:
            raise Problem(
                f"This firmware has tinyprop {built_in} in it, but the board imports its file"
                f" {name}, which wins and takes RAM. Remove the file: mpremote rm :{name}"
            )
    if built_in != ours:
        raise Problem(
            f"This firmware has tinyprop {built_in} in it, and this is {ours}. A copied file would"
            f" win over it, but takes RAM. Put new firmware on the board: {OWN_FIRMWARE}."
        )


def mpy_folder(arch):
    """The folder with the files for an architecture; in a checkout made anew where that is due."""
    folder = ROOT / f"dist/{arch}_6.3"
    if not INSTALLED:
        command = [ROOT / "usermod_c/tinyprop/natmod/build.sh", arch]
        if subprocess.run(command, stdout=subprocess.PIPE).returncode:
            raise Problem(f"{FILES[0]} for {arch} could not be built; see above.")
    elif not folder.is_dir():
        raise Problem(
            f"This installation of tinyprop has no {FILES[0]} for {arch}, as it was made from a"
            " checkout without them. Install a release, or say make mpy there and install again."
        )
    return folder


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


def copy(board, file, to):
    data = file.read_bytes()
    name = f"{file.relative_to(ROOT)}, {len(data)} bytes"
    if hashlib.sha256(data).digest() == digest_there(board, to):
        print(f"{name}: is on the board already, by its SHA-256")
        return
    # The old file goes first: a small board has no room for both.
    if board.fs_exists(to):
        board.fs_rmfile(to)
    write(board, to, data, name)
    print(f"{name}: copied; its SHA-256 read back is the same")


def try_import(board):
    try:
        return tell(board, IMPORT)
    except TransportExecError as error:
        reason = error.error_output.strip().splitlines()[-1]
        if "MemoryError" in reason:
            reason += ". It needs some 30 kB of RAM in one piece: does boot.py take that much?"
        if "native code" in reason:
            reason += f". Put firmware with tinyprop in it on the board: {OWN_FIRMWARE}."
        raise Problem(f"tinyprop is on the board, but importing it failed: {reason}") from None
