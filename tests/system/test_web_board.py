"""The page's modules for boards, host_sim/web/board, in node: with the real firmware on the emulated Pico, behind a port
of Web Serial and in a worker of the page, and with the fake boot loader of an ESP32.
"""

import hashlib
import json
import os
import pty
import random
import subprocess
import threading
from pathlib import Path

import pytest
import tinyprop as tp
from fake_esp32 import FakeEsp32, image
from serial_port import EmulatedPico
from tinyprop_cli import board, deploy
from tinyprop_cli.board import Problem
from web_serial import SerialOverHttp

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/system"

# Before each program; a Problem ends it as the last line.
START = """
import {{ Repl, Problem, BoardError }} from "{folder}/repl.js";
import {{ Board, architecture, checkBuiltIn, checkFiles, facts }} from "{folder}/board.js";
import {{ read, write }} from "{folder}/files.js";
import {{ flash }} from "{folder}/flash.js";
import {{ Pico }} from "{folder}/pico.js";
import {{ Port }} from "{here}/web_serial.js";
import assert from "node:assert/strict";
import fs from "node:fs";
const [file] = process.argv.slice(1);
const say = (value) => console.log(typeof value === "string" ? value : JSON.stringify(value));
async function connect() {{
  const port = new Port("{url}/serial");
  await port.open();
  return new Repl(port, {{ patience: {patience} }});
}}
try {{
{program}
}} catch (error) {{
  if (!(error instanceof Problem)) throw error;
  say(error.message);
}}
process.exit();
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page's folder of these modules."""
    made = tmp_path_factory.mktemp("web") / "board"
    subprocess.run([ROOT / "boards/web_board.sh", made], cwd=ROOT, check=True)
    return made


@pytest.fixture
def node(folder):
    """node(program, url): the lines that it says."""

    def run(program, url="", patience=100, on_line=lambda line: None, file=""):
        text = START.format(program=program, folder=folder, here=HERE, url=url, patience=patience)
        command = ["node", "--import", HERE / "browser.mjs", "--input-type=module", "-e", text, file]
        lines = []
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                on_line(lines[-1])
        assert process.returncode == 0, lines
        return lines

    return run


@pytest.fixture(scope="module")
def pico():
    with EmulatedPico("plain") as emulated, SerialOverHttp(emulated.port) as line:
        yield line.url
