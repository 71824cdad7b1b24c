"""Measures tinyprop: on an emulated Raspberry Pi Pico in exact cycles of its processor, and on the
processors that QEMU emulates in instructions.

    python bench/run.py

writes results.json, rows of {"target", "case", "op", "metric", "value", "unit"}, with results.md
and results.png beside this file. The figures are the same in every run, so that a test can tell
when one has changed (tests/system/test_bench.py). The speed on this PC, which is not, is printed
and goes to results.md alone.

Models learn on this PC, where the bits are the same; an emulator does the epoch that is measured.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

from mpremote.transport_serial import SerialTransport

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FOLDERS = (
    *("boards", "boards/emulators/pico", "host_sim", "host_sim/backend", "micropython_mod"),
    *("tests", "tests/portable", "bench"),
)
sys.path[:0] = [str(ROOT / folder) for folder in FOLDERS]

import models  # noqa: E402
import pc  # noqa: E402
import report  # noqa: E402
import targets  # noqa: E402
from pc import LEARNING, OTHER_POLICIES  # noqa: E402
from samples import SAMPLES  # noqa: E402
from serial_port import EmulatedPico  # noqa: E402
from tinyprop_cli.deploy import FILES  # noqa: E402

RESULTS = HERE / "results.json"
# The interpreter's functions that call a method which it has looked up, and a function in C with
# three arguments, as learn and predict are: those of a .mpy have no names in the firmware.
METHOD_CALL = "mp_call_method_n_kw"
FUNCTION_CALL = "fun_builtin_3_call"
# Operations of which it is told how many cycles functions of the core take.
PARTS_OF = ("mlp-64-32-10", "forward"), ("mlp-64-32-10", "learn-full")
PARTS = (
    *("tp_open", "tp_list_nonzero_bytes", "tp_requantize_right", "tp_spmv", "tp_list_relu"),
    *("tp_crossentropy", "tp_put_deltas", "tp_update_biases", "tp_l1_norm"),
    *("tp_select_nonzero", "tp_update_rows", "tp_backward_rows", "tp_rescale_weights"),
)
# What runs on QEMU's machines: their .mpy, a name, and where their RAM has room for Memory.
MACHINES = {
    "m3": ("armv7m", "Cortex-M3", 0x21000000),
    "m4f": ("armv7emsp", "Cortex-M4F", 0x21000000),
    "rv32": ("rv32imc", "RISC-V", 0x84000000),
    "xtensa": ("xtensawin", "Xtensa", 0x02000000),
}
# The Pico has room in its flash, which the emulator reads as fast as RAM: where no file is.
PICO_FLASH = 0x10000000
PICO_ROOM = PICO_FLASH + (1 << 20)
ARCHITECTURES = ("x64", "armv6m", "armv7m", "armv7emsp", "rv32imc", "xtensawin")


def row(case, op, metric, value, unit, target="pico"):
    names = ("target", "case", "op", "metric", "value", "unit")
    return dict(zip(names, (target, case, op, metric, value, unit), strict=True))


class Memory:
    """What lies in a machine's memory when it starts, from an address on: the samples of some
    cases, and their models as they are before the epochs that are measured."""

    def __init__(self, address, cases, epochs):
        self.address, self.bytes, self.places = address, b"", {}
        for case in cases:
            for seed in sorted({epoch.seed for epoch in epochs}):
                x, y = pc.samples_of(case, seed)
                self.add(x, case, seed, "x")
                self.add(y, case, seed, "y")
            for policy, first in dict.fromkeys((e.policy, e.first) for e in epochs):
                self.add(pc.learned(case, policy, first), case, policy, first)

    def add(self, data, *name):
        self.places[name] = self.address + len(self.bytes), len(data)
        self.bytes += data + bytes(-len(data) % 16)

    def buffer(self, *name):
        """In a program of the machine."""
        return "uctypes.bytearray_at({}, {})".format(*self.places[name])


class Prompt:
    """MicroPython at the serial line self.line, with self.memory."""

    def __enter__(self):
        return self

    def run(self, code):
        output, error = self.line.exec_raw(code, timeout=300)
        if error:
            raise RuntimeError(error.decode())
        return output.decode().strip()

    def load(self, case, epoch):
        """The samples of an epoch as x and y, and the model before it."""
        x, y = (self.memory.buffer(case, epoch.seed, name) for name in "xy")
        file = f"io.BytesIO({self.memory.buffer(case, epoch.policy, epoch.first)})"
        self.run("import gc, io, uctypes; model = None; gc.collect()")  # what comes lies low
        self.run(f"x, y = {x}, {y}")
        self.run(f"model = tp.load({file})")
        # What is looked for once after a load (headroom) is no part of an epoch.
        self.run("model.learn_many(b'', b'')")


class Pico(Prompt):
    """An emulated Pico on which calls of some C functions are counted."""

    def __init__(self, firmware, functions, memory=None):
        self.memory = memory
        self.flash = tempfile.NamedTemporaryFile()
        if memory:
            self.flash.write(b"\xff" * (memory.address - PICO_FLASH) + memory.bytes)
            self.flash.flush()
        options = "--flash", self.flash.name, "--profile", ",".join(functions)
        self.board = EmulatedPico(firmware, *options)
        self.line = SerialTransport(self.board.port)
        self.line.enter_raw_repl(soft_reset=False, timeout_overall=60)

    def __exit__(self, *exception):
        self.line.close()
        self.board.power_off()
        self.flash.close()

    def cycles(self, function, code):
        """Calls of a C function while code runs, and the mean cycles of one; and for each call of
        it those of the other functions that are counted."""
        self.board.take_profile()
        self.run(code)
        profile = self.board.take_profile()
        calls = profile[function]["calls"]
        means = {name: round(counted["cycles"] / calls) for name, counted in profile.items()}
        return calls, means.pop(function), means


class Qemu(Prompt):
    """A machine of QEMU on which instructions are counted (instructions.py)."""

    def __init__(self, machine):
        arch, self.name, address = MACHINES[machine]
        self.memory = Memory(address, SAMPLES, LEARNING.values())
        self.board = targets.qemu(machine, arch)
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.memory.bytes)
            file.flush()
            load = f"loader,file={file.name},addr={address},force-raw=on"
            self.board.command = [*self.board.command, "-icount", "shift=7", "-device", load]
            self.board.start()
        self.board.reset()
        self.line = self.board.line
        for name in ("models.py", "instructions.py"):
            self.run((HERE / name).read_text())

    def __exit__(self, *exception):
        self.board.stop()

    def means(self, case, epoch):
        """Of a step, without what interpreting the call takes: learn, predict."""
        self.load(case, epoch)
        return tuple(map(int, self.run("print(*means(model, x, y))").split()))


def measure_on_qemu(machine, case):
    """Instructions of a step."""
    target = {"unit": "instructions", "target": machine.name}
    means = {op: machine.means(case, epoch) for op, epoch in LEARNING.items()}
    yield row(case, "forward", "mean", means["learn-full"][1], **target)
    for op, (learn, _) in means.items():
        yield row(case, op, "mean", learn, **target)


def measure_on_pico(pico, case):
    """The rows of a case, those of forward with the policy full."""
    pico.load(case, LEARNING["learn-full"])
    _, cycles, parts = pico.cycles("tp_predict", "predict(model, x, y)")
    yield row(case, "forward", "mean", cycles, "cycles")
    yield from rows_of_parts(case, "forward", parts)
    yield from measure_calls(pico, case)
    for op, epoch in (LEARNING | OTHER_POLICIES).items():
        pico.load(case, epoch)
        pico.run("skipped = model.stats()['skipped']")
        calls, cycles, parts = pico.cycles("tp_run", "learn(model, x, y)")
        skipped = int(pico.run("print(model.stats()['skipped'] - skipped)"))
        yield row(case, op, "mean", cycles, "cycles")
        yield row(case, op, "skipped", round(skipped / calls, 4), "share")
        yield from rows_of_parts(case, op, parts)


def measure_mpy_on_pico(pico, case):
    pico.load(case, LEARNING["learn-full"])
    _, cycles, _ = pico.cycles(FUNCTION_CALL, "predict(model, x, y)")
    yield row(case, "forward", "mean", cycles, "cycles", target="pico-mpy")
    for op, epoch in LEARNING.items():
        pico.load(case, epoch)
        _, cycles, _ = pico.cycles(FUNCTION_CALL, "learn(model, x, y)")
        yield row(case, op, "mean", cycles, "cycles", target="pico-mpy")


def rows_of_parts(case, op, parts):
    if (case, op) in PARTS_OF:
        for name in PARTS:
            if parts[name]:
                yield row(case, op, f"in {name}", parts[name], "cycles")


def measure_calls(pico, case):
    """What a call from Python costs beside the C function in it, in a loop of ten: the least of
    three, as the first finds names anew and any may look after USB."""
    pico.run("sample, label = bytes(x[:len(x) // len(y)]), y[0]")
    for op, function, call in (
        ("predict-call", "tp_predict", "model.predict(sample)"),
        ("learn-call", "tp_run", "model.learn(sample, label)"),
    ):
        counts = []
        for _ in range(3):
            pico.board.take_profile()
            pico.run(f"for _ in range(10): {call}")
            profile = pico.board.take_profile()
            assert profile[METHOD_CALL]["calls"] == profile[function]["calls"] == 10
            counts.append(profile[METHOD_CALL]["cycles"] - profile[function]["cycles"])
        yield row(case, op, "over C", round(min(counts) / 10), "cycles")


def open_pico(case):
    memory = Memory(PICO_ROOM, [case], (LEARNING | OTHER_POLICIES).values())
    pico = Pico("tinyprop", [METHOD_CALL, "tp_run", "tp_predict", *PARTS], memory)
    pico.run((HERE / "models.py").read_text())
    return pico


def open_plain_pico(*cases):
    """One with stock firmware, which imports the .mpy files from its flash."""
    memory = Memory(PICO_ROOM, cases, LEARNING.values())
    for path in mpy_files("armv6m"):
        memory.add(path.read_bytes(), path.name)
    pico = Pico("plain", [FUNCTION_CALL], memory)
    # Garbage is collected early, or what stays would lie here and there between it.
    pico.run("import gc, uctypes; gc.threshold(8192)")
    pico.run((ROOT / "tests/portable/ram_files.py").read_text())
    for path in mpy_files("armv6m"):
        pico.run(f"ram.files['/{path.name}'] = {memory.buffer(path.name)}")
    pico.run((HERE / "models.py").read_text() + "gc.collect(); gc.threshold(-1)")
    return pico


def mpy_files(arch):
    """Each after those that it imports."""
    folder = targets.mpy(arch)()
    return [folder / name for name in FILES]


def sizes_of_mpy(arch):
    for path in mpy_files(arch):
        yield row("module", path.name, "file", path.stat().st_size, "bytes", target=arch)


def native_code():
    """How much of tinyprop.mpy is machine code, as its linker says."""
    mpy_files("armv6m")
    said = (ROOT / "build/natmod/armv6m/linked.txt").read_text()
    size = re.search(r"^text size: +(\d+)$", said, re.MULTILINE)
    return row("module", "tinyprop.mpy", "native code", int(size[1]), "bytes")


def firmware_growth():
    """Flash that the module takes; a .uf2 file has blocks of 512 bytes for 256 of flash."""
    sizes = [
        Path(targets.script("boards/firmware.sh", "RPI_PICO", *plain)).stat().st_size // 2
        for plain in ([], ["plain"])
    ]
    return row("module", "firmware", "flash", sizes[0] - sizes[1], "bytes")


def ram_of_models():
    for case in SAMPLES:
        yield row(case, "model", "RAM", len(models.build(case, "full")._image), "bytes")


def heap_of_import():
    """RAM that the .mpy takes on stock firmware."""
    with Pico("plain", [METHOD_CALL]) as pico:
        pico.run("import gc")
        for path in mpy_files("armv6m"):
            pico.line.fs_writefile(path.name, path.read_bytes())
        for path in mpy_files("armv6m"):
            pico.run("gc.collect(); before = gc.mem_alloc()")
            heap = pico.run(f"import {path.stem}; gc.collect(); print(gc.mem_alloc() - before)")
            yield row("module", path.name, "heap of import", int(heap), "bytes")


def measure_all():
    for arch in ARCHITECTURES:
        yield from sizes_of_mpy(arch)
    yield native_code()
    yield firmware_growth()
    yield from heap_of_import()
    yield from ram_of_models()
    for case in SAMPLES:
        with open_pico(case) as pico:
            yield from measure_on_pico(pico, case)
    for case in SAMPLES:
        with open_plain_pico(case) as pico:
            yield from measure_mpy_on_pico(pico, case)
    for name in MACHINES:
        with Qemu(name) as machine:
            for case in SAMPLES:
                yield from measure_on_qemu(machine, case)


def main():
    rows = []
    for result in measure_all():
        print(*result.values(), flush=True)
        rows.append(result)
    RESULTS.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
    speed = pc.measure()
    print(*report.speed_table(*speed), sep="\n")
    report.write(rows, speed, HERE / "results")


if __name__ == "__main__":
    main()
