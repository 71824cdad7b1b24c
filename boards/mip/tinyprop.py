# mip brings this as tinyprop.py, with a tinyprop.mpy for each architecture. When it is imported
# first it keeps the one that this board executes, removes the others and itself, and stands for
# what it then imports.
import os
import sys

# By MicroPython's number for what a firmware can execute (tinyprop_cli/deploy.py).
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


def keep():
    mpy = getattr(sys.implementation, "_mpy", 0)
    arch = ARCHITECTURES.get(mpy >> 10 & 15)
    if mpy & 0x3FF != 3 << 8 | 6 or arch is None:
        raise ImportError("tinyprop needs MicroPython 1.23 or newer that loads native .mpy (6.3)")
    here = __file__[: -len("tinyprop.py")]
    there = os.listdir(here or ".")
    # First the one that is kept, and this file at last: who pulls the plug can import again.
    if "tinyprop_mpy" in there:
        folder, ours = here + "tinyprop_mpy/", arch + ".mpy"
        names = os.listdir(here + "tinyprop_mpy")
        if ours in names:
            if "tinyprop.mpy" in there:
                os.remove(here + "tinyprop.mpy")  # of an older version; FAT replaces no file
            os.rename(folder + ours, here + "tinyprop.mpy")
            names.remove(ours)
        for name in names:
            os.remove(folder + name)
        os.rmdir(here + "tinyprop_mpy")
    os.remove(here + "tinyprop.py")


keep()
del sys.modules["tinyprop"]
import tinyprop  # noqa: E402

globals().update(tinyprop.__dict__)
