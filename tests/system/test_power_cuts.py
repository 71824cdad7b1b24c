"""Whenever the power goes in a save, load finds the old or the new model; and in the next one too.

Inside the real littlefs and FAT of MicroPython's unix port, in every write and erase of a block;
on a PC in every call that touches the disk, with any part of what was not synced lost. The numbers
of cuts are those of docs/guarantees.md.
"""

import gc
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tinyprop as tp
import tinyprop_files as files
from serial_port import EmulatedPico

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/guarantees.md").read_text()
SEED = int(os.environ.get("TINYPROP_SEED", "1"))


def test_in_every_write_and_erase_on_littlefs_and_fat():
    program = subprocess.check_output([ROOT / "boards/unix/build.sh"], text=True).split()[-1]
    command = [program, "-X", "heapsize=16m", ROOT / "tests/system/cut_power.py", str(SEED)]
    done = subprocess.run(
        command,
        env={**os.environ, "MICROPYPATH": f"{ROOT}/tests/portable:.frozen"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    # Besides what load says: files that were open in a cut are closed some time later, in vain.
    said = re.sub(r"^(tinyprop: |OSError: ).*\n", "", done.stdout, flags=re.MULTILINE)
    print(said)
    assert done.returncode == 0
    cut = re.findall(r"^(.*): (\d+) cut once, (\d+) cut twice$", said, re.MULTILINE)
    assert len(cut) == 5
    for where, once, twice in cut:
        assert f"| {where} | {once} | {twice} |" in PAGE
    wear = re.findall(r"^a file of (\d+) bytes: (\S+) blocks a save$", said, re.MULTILINE)
    assert len(wear) == 3
    for n_bytes, blocks in wear:
        assert f"| {int(n_bytes):,} | {blocks} |" in PAGE


# ---- a PC


class PowerCut(Exception):
    pass


class Pc:
    """A stand-in for open and os, in memory. What was written to a file reaches the disk when it
    is synced, and a name when its folder is; before that it may be there, or not, or in part."""

    O_DIRECTORY = 1

    def __init__(self, names=(), cut_at=0):
        self.names = {name: File(content) for name, content in names}  # on the disk
        self.now = dict(self.names)  # and as programs see them
        self.calls, self.cut_at = 0, cut_at
        self.path = self

    def call(self):
        self.calls += 1
        if self.calls == self.cut_at:
            raise PowerCut

    def after_cut(self):
        """All that the disk may hold when the power is back: frozensets of (name, content)."""
        of_name = []
        for name in self.names | self.now:
            there = {self.names.get(name), self.now.get(name)}
            contents = [[(name, c) for c in f.possible()] if f else [None] for f in there]
            of_name.append(set(itertools.chain(*contents)))
        return {frozenset(filter(None, held)) for held in itertools.product(*of_name)}

    # -- what tinyprop_files calls

    def open(self, name, mode=O_DIRECTORY):
        if mode == self.O_DIRECTORY:
            return name
        if "w" in mode:
            self.call()
            if name not in self.now:
                self.now[name] = File(b"", on_disk=b"")
            self.now[name].content = b""
            return OpenFile(self, self.now[name])
        if name not in self.now:
            raise FileNotFoundError(2, name)
        return OpenFile(self, self.now[name])

    def fsync(self, what):
        self.call()
        if isinstance(what, OpenFile):
            what.file.on_disk = what.file.content
        else:
            self.names = dict(self.now)

    def stat(self, name):
        if name not in self.now:
            raise FileNotFoundError(2, name)
        return [0]

    def remove(self, name):
        self.call()
        self.stat(name)
        del self.now[name]

    def rename(self, name, other):
        self.call()
        self.now[other] = self.now.pop(name)

    def close(self, folder):
        pass

    def dirname(self, name):
        return ""


class File:
    def __init__(self, content, on_disk=None):
        self.content = content
        self.on_disk = content if on_disk is None else on_disk

    def possible(self):
        if self.content == self.on_disk:
            return {self.content}
        half = self.content[: len(self.content) // 2]
        mixed = half + self.on_disk[len(half) :]
        return {self.content, self.on_disk, b"", half, mixed, bytes(len(self.content))}


class OpenFile:
    def __init__(self, pc, file):
        self.pc, self.file, self.at = pc, file, 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def fileno(self):
        return self

    def flush(self):
        self.pc.call()

    def write(self, piece):
        self.pc.call()
        self.file.content += bytes(piece)
        return len(piece)

    def tell(self):
        return self.at

    def seek(self, at, whence=0):
        self.at = at + (len(self.file.content) if whence == 2 else 0)
        return self.at

    def read(self, n):
        piece = self.file.content[self.at : self.at + n]
        self.at += len(piece)
        return piece

    def readinto(self, buffer):
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.fixture
def power_on(monkeypatch):
    monkeypatch.setattr(gc, "collect", lambda: 0)  # slow on a PC

    def power_on(held=(), cut_at=0):
        pc = Pc(held, cut_at)
        monkeypatch.setattr(files, "os", pc)
        monkeypatch.setattr(files, "open", pc.open, raising=False)
        return pc

    return power_on


def model_of(steps):
    model = tp.Model(3, [tp.Dense(4, activation="relu"), tp.Dense(2)])
    for i in range(steps):
        model.learn([i, 1, 2], i % 2)
    return model


MODELS = [model_of(steps) for steps in range(1, 6)]


def found(held, power_on):
    power_on(held)
    try:
        return tp.load("m.tp").stats()["steps"]
    except OSError:
        return 0


def cut_saves(held, steps, power_on):
    """All that a disk may hold after a save that is cut at any call."""
    after = set()
    for cut_at in itertools.count(1):
        pc = power_on(held, cut_at)
        try:
            MODELS[steps - 1].save("m.tp")
        except PowerCut:
            after |= pc.after_cut()
            continue
        assert pc.after_cut() == {frozenset(pc_held(pc))}  # all is synced
        return after, cut_at - 1, pc_held(pc)


def pc_held(pc):
    return frozenset((name, file.content) for name, file in pc.now.items())


def test_in_every_call_on_a_pc(power_on, capsys):
    held, calls, once, twice = frozenset(), 0, 0, 0
    for n_saved in range(3):
        after, n, whole = cut_saves(held, n_saved + 1, power_on)
        calls, once = calls + n, once + len(after)
        for first in after:
            known = found(first, power_on)
            assert known in (n_saved, n_saved + 1)
            after_second, _, _ = cut_saves(first, n_saved + 2, power_on)
            twice += len(after_second)
            for second in after_second:
                assert found(second, power_on) in (known, n_saved + 2)
        held = whole
        assert found(held, power_on) == n_saved + 1
    capsys.readouterr()
    print(f"a PC: {calls} calls cut, which left {once} states of the disk; cut twice {twice}")
    assert f"| a PC, {calls} calls | {once} | {twice} |" in PAGE


# ---- a Pico

# Says in a register how many steps the model knows, and that it is saved with one more.
KEEP = """
import machine
import tinyprop as tp

def say(n):
    machine.mem32[0x4005800C] = n

try:
    m = tp.load("m.tp")
except OSError:
    m = tp.Model(16, [tp.Dense(20, activation="relu"), tp.Dense(3)])
steps = m.stats()["steps"]
say(1 + steps)
m.learn(bytes(range(16)), steps % 3)
m.save("m.tp")
say(1001 + steps)
while True:
    machine.idle()
"""


def test_in_every_page_and_sector_on_a_pico(tmp_path):
    flash = tmp_path / "flash.bin"
    (tmp_path / "main.py").write_text(KEEP)
    with EmulatedPico("tinyprop", "--flash", flash) as pico:
        command = [Path(sys.executable).with_name("mpremote"), "connect", pico.port, "cp"]
        subprocess.run([*command, tmp_path / "main.py", ":"], check=True)
    line = subprocess.check_output(["boards/firmware.sh", "RPI_PICO"], cwd=ROOT, text=True)
    modules = subprocess.check_output(["boards/setup/node.sh"], cwd=ROOT, text=True).split()[-1]
    said = subprocess.check_output(
        ["node", ROOT / "tests/system/cut_pico_power.mjs", ROOT / "build/pico/boot_rom.bin"]
        + [line.split()[-1], flash],
        env={**os.environ, "NODE_PATH": f"{modules}/node_modules"},
        text=True,
    )
    print("a Pico:", said)
    once, twice = re.fullmatch(r"(\d+) cut once, (\d+) cut twice\n", said).groups()
    assert f"| a Pico | {once} | {twice} |" in PAGE
