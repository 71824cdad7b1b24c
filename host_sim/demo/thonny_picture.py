"""python -m host_sim thonny: takes docs/thonny.png, Thonny at an emulated Pico that learns."""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import ImageGrab

from .. import ROOT, add_to_path

SIZE = 900, 520
COLOURS = 64  # enough for a window
SECONDS = 60

SETTINGS = """\
[general]
configuration_creation_timestamp = never
[run]
backend_name = RPiPico
working_directory = /
[RPiPico]
port = {port}
[layout]
left = 0
top = 0
width = {width}
height = {height}
s_nb_height = 330
[view]
files_split = 50
filesview.visible = True
io_font_size = 10
editor_font_size = 10
"""

# A plugin of Thonny. The port looks as that of a Pico does, and a line is typed whenever the board
# has answered.
PLUGIN = """\
from pathlib import Path
from serial.tools import list_ports, list_ports_common
from thonny import get_shell, get_workbench

port = list_ports_common.ListPortInfo({port!r})
port.vid, port.pid = 0x2E8A, 5
list_ports.comports = lambda: [port]
lines = iter({lines!r})

def type_line():
    line = next(lines, None)
    if line is None:
        Path({done!r}).touch()
    else:
        get_shell().submit_python_code(line + "\\n")

def load_plugin():
    answered = lambda event: get_workbench().after(500, type_line)
    get_workbench().bind("ToplevelResponse", answered, True)
"""


def main(arguments):
    argparse.ArgumentParser(prog="python -m host_sim thonny", description=__doc__).parse_args(
        arguments
    )
    add_to_path("boards", "boards/emulators/pico")
    from serial_port import EmulatedPico
    from tinyprop_cli.deploy import deploy

    with tempfile.TemporaryDirectory() as folder, EmulatedPico("plain") as pico:
        deploy(pico.port)
        picture = take(Path(folder), pico.port)
    picture.convert("RGB").quantize(COLOURS).save(ROOT / "docs/thonny.png", optimize=True)
    print("wrote docs/thonny.png")


def first_lines():
    """What README.md types first."""
    block = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return re.findall(r"^>>> (.*?)(?:  +#.*)?$", block[1], re.MULTILINE)


def take(folder, port):
    """The window of Thonny, on a screen of its own, once the board has answered all lines."""
    width, height = SIZE
    done, log, plugins = folder / "done", folder / "log", folder / "thonnycontrib"
    plugins.mkdir()
    plugin = PLUGIN.format(port=port, lines=first_lines(), done=str(done))
    (plugins / "typist.py").write_text(plugin)
    settings = SETTINGS.format(port=port, width=width, height=height)
    (folder / "configuration.ini").write_text(settings)
    where = {"THONNY_USER_DIR": str(folder), "PYTHONPATH": str(folder)}

    with screen(width, height) as display, log.open("w") as said:
        environment = {**os.environ, **where, "DISPLAY": display}
        thonny = subprocess.Popen(["thonny"], env=environment, stdout=said, stderr=said)
        for _ in range(SECONDS):
            if done.exists():
                break
            time.sleep(1)
        picture = ImageGrab.grab(xdisplay=display)
        thonny.terminate()
        thonny.wait()
    if not done.exists():
        sys.exit(f"error: Thonny did not come to an end\n{log.read_text()}")
    return picture


@contextlib.contextmanager
def screen(width, height):
    """A screen that nobody sees; gives its name."""
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{width}x{height}x24"]
    with (
        open(reader) as name,
        subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as xvfb,
    ):
        os.close(writer)
        yield ":" + name.readline().strip()
        xvfb.terminate()
