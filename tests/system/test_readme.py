"""The examples in README.md and docs/ do what the pages say, on CPython and on MicroPython.

The Python blocks of a page are one program; blocks of "py" need more than is here. What a `>>>`
session shows is what must come out. An example is run beside the files that its page links to, and
those that its commands `python examples/...` make. Commands must exist: `make X` in the Makefile,
`python -m host_sim X` in host_sim, `tinyprop X`.
"""

import ast
import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import installation
import pytest
from serial_port import EmulatedPico
from targets import TARGETS
from tinyprop_cli.__main__ import main

from host_sim.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(ROOT.glob("examples/*/README.md"))
PAGES = [*sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]), *EXAMPLES]
FOLDERS = "micropython_mod", "host_sim/backend", "host_sim"
PATH = os.pathsep.join(f"{ROOT}/{folder}" for folder in FOLDERS)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "~~~~ "  # before the output of each piece

SHOW = """
def _show(value):
    if value is not None:
        print(repr(value))
"""
EXPECTING_AN_ERROR = """
try:
{}
except Exception as e:
    print(type(e).__name__ + ":", e)
"""


@dataclass
class Piece:
    """Of a page: a statement of a session with what it prints, or a block without one (None)."""

    line: int
    source: str
    prints: str | None = None


def blocks(page, language):
    text = page.read_text()
    for found in BLOCK.finditer(text):
        if found[1] == language:
            yield text.count("\n", 0, found.start()) + 2, found[2]


def pieces(page):
    for line, block in blocks(page, "python"):
        if not block.startswith(">>>"):
            yield Piece(line, block)
            continue
        for example in doctest.DocTestParser().get_examples(block):
            source, want = example.source, example.want
            if isinstance(ast.parse(source).body[0], ast.Expr):
                source = f"_show(({source}))"
            if example.exc_msg:
                want = example.exc_msg
                source = EXPECTING_AN_ERROR.format(re.sub("^", "    ", source, flags=re.MULTILINE))
            yield Piece(line + example.lineno, source, want)


def program(page):
    return SHOW + "".join(f"print('{MARK}')\n{piece.source}\n" for piece in pieces(page))


def outputs(printed):
    """What each piece of a program printed."""
    return printed.split(MARK + "\n")[1:]


def run(page, folder, *command, **environment):
    if page in EXAMPLES:
        for link in re.findall(r"\]\((\S+\.py)\)", page.read_text()):
            file = (page.parent / link).resolve()
            if file.is_relative_to(ROOT / "examples"):
                shutil.copy(file, folder)
        for arguments in made_by(page):
            made = sys.executable, ROOT / arguments[0], *arguments[1:]
            installation.run(*made, cwd=folder, PYTHONPATH=PATH)
    (folder / "page.py").write_text(program(page))
    return outputs(installation.run(*command, "page.py", cwd=folder, **environment))


def made_by(page):
    """The arguments of each command that makes files for an example."""
    for _, block in blocks(page, "sh"):
        for line in re.findall(r"^python (examples/.*)$", block, re.MULTILINE):
            yield shlex.split(line, comments=True)


def check(page, printed):
    matches = doctest.OutputChecker().check_output
    for piece, got in zip(pieces(page), printed, strict=True):
        if piece.prints is not None:
            where = f"{page.name}, line {piece.line}"
            assert matches(piece.prints, got, doctest.ELLIPSIS), (where, piece.prints, got)


with_python = pytest.mark.parametrize(
    "page",
    [page for page in PAGES if list(blocks(page, "python"))],
    ids=lambda page: str(page.relative_to(ROOT)),
)


@with_python
def test_examples_on_cpython(page, tmp_path, monkeypatch):
    monkeypatch.delenv("TINYPROP_BACKEND", raising=False)
    check(page, run(page, tmp_path, sys.executable, PYTHONPATH=PATH))


@pytest.fixture(scope="module")
def micropython():
    build = subprocess.run([ROOT / "boards/unix/build.sh"], stdout=subprocess.PIPE, text=True)
    assert build.returncode == 0
    return build.stdout.split()[-1]


@with_python
def test_examples_on_micropython(page, tmp_path, micropython):
    if page.name == "desk.md":
        return  # what only a PC can do
    check(page, run(page, tmp_path, micropython))


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.parent.name)
def test_examples_of_an_installation(page, tmp_path, installed):
    check(page, run(page, tmp_path, installed.bin / "python", PYTHONPATH=""))


def test_readme_on_a_pico(installed):
    """The first commands and the session, on an emulated Pico with plain firmware."""
    page = ROOT / "README.md"
    lines = next(blocks(page, "sh"))[1].splitlines()
    install, deploy, prompt = [shlex.split(line, comments=True) for line in lines]
    assert (install, prompt) == (["pip", "install", "tinyprop"], ["tinyprop", "repl"])
    tool = Path(sys.executable).with_name("mpremote")
    with EmulatedPico("plain") as pico, tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        installed(*deploy, pico.port)
        file.write(program(page))
        file.flush()
        command = [tool, "connect", pico.port, "run", file.name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    check(page, outputs(done.stdout.replace("\r", "")))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_exist(page):
    targets = set(re.findall(r"^(\w+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = "\n".join(block for _, block in blocks(page, "sh"))
    code += "\n".join(re.findall(r"`([^`\n]+)`", page.read_text()))
    for target in re.findall(r"\bmake (\w+)\b", code):
        assert target in targets, f"there is no make {target}"
    for command in re.findall(r"-m host_sim (\w+)", code):
        assert command in COMMANDS, f"there is no python -m host_sim {command}"
    for command in re.findall(r"^tinyprop (\w+)", code, re.MULTILINE):
        assert command in main.commands, f"there is no tinyprop {command}"


def test_table_of_boards_has_every_target_and_no_other():
    rows = re.findall(r"^\|.*\| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([\w.-]+)`", row)]
    assert sorted(named) == sorted(set(TARGETS) - {"lint"})


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in link:
            assert (page.parent / link).exists(), link
