"""Measures tinyprop: on an emulated Raspberry Pi Pico in exact cycles of its processor, and on the
processors that QEMU emulates in instructions.

    python bench/run.py

writes results.json, rows of {"target", "case", "op", "metric", "value", "unit"}, with results.md
and results.png beside this file. The figures are the same in every run, so that a test can tell
when one has changed (tests/system/test_bench.py). The speed on this PC, which is not, is printed
and goes to results.md alone.

Models learn on this PC, where the bits are the same; an emulator does the last epoch, which is
measured.
"""

import json
import sys
import tempfile
from pathlib import Path

from mpremote.transport_serial import SerialTransport

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FOLDERS = (
    *("boards/emulators/pico", "host_sim/backend", "micropython_mod"),
    *("tests", "tests/portable", "bench"),
)
sys.path[:0] = [str(ROOT / folder) for folder in FOLDERS]

import pc  # noqa: E402
import report  # noqa: E402
import targets  # noqa: E402
from models import POLICIES  # noqa: E402
from samples import EPOCHS, SAMPLES, samples  # noqa: E402
from serial_port import EmulatedPico  # noqa: E402

RESULTS = HERE / "results.json"
# The interpreter's function that calls a method which it has looked up.
METHOD_CALL = "mp_call_method_n_kw"
# Functions of the core whose share of a small network's step is told.
PARTS = (
    *("tp_open", "tp_list_nonzero_bytes", "tp_requantize_right", "tp_spmv", "tp_list_relu"),
    *("tp_crossentropy", "tp_activation_backward", "tp_update_biases", "tp_l1_norm"),
    *("tp_select_nonzero", "tp_update_rows", "tp_backward_rows", "tp_rescale_weights"),
)
# What runs on QEMU's machines: their .mpy, a name, and where their RAM has room for Memory.
MACHINES = {
    "m3": ("armv7m", "Cortex-M3", 0x21000000),
    "m4f": ("armv7emsp", "Cortex-M4F", 0x21000000),
    "rv32": ("rv32imc", "RISC-V", 0x84000000),
    "xtensa": ("xtensawin", "Xtensa", 0x02000000),
}
QEMU_POLICIES = ("full", "default")
# The Pico has room in its flash, which the emulator reads as fast as RAM: where no file is.
PICO_FLASH = 0x10000000
PICO_ROOM = PICO_FLASH + (1 << 20)
ARCHITECTURES = ("x64", "armv6m", "armv7m", "armv7emsp", "rv32imc", "xtensawin")


def row(case, op, metric, value, unit, target="pico"):
    names = ("target", "case", "op", "metric", "value", "unit")
    return dict(zip(names, (target, case, op, metric, value, unit), strict=True))


class Memory:
    """What lies in a machine's memory when it starts, from an address on: the samples of all
    cases, and their models as they are before the epoch that is measured."""

    def __init__(self, address, policies):
        self.address, self.bytes, self.places = address, b"", {}
        for case in SAMPLES:
            x, y = samples(case, EPOCHS[case][0])
            self.add(x, case, "x")
            self.add(y, case, "y")
            for policy in policies:
                self.add(pc.learned(case, policy), case, policy)

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

    def load_samples(self, case):
        x, y = (self.memory.buffer(case, name) for name in "xy")
        self.run(f"import uctypes; x, y = {x}, {y}")

    def load_model(self, case, policy):
        file = f"io.BytesIO({self.memory.buffer(case, policy)})"
        self.run(f"import io; model = None; model = tp.load({file})")
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
        """Calls of a C function while code runs, and the mean cycles of one; and of its PARTS."""
        self.board.take_profile()
        self.run(code)
        profile = self.board.take_profile()
        calls = profile[function]["calls"]
        means = {name: round(profile[name]["cycles"] / calls) for name in (function, *PARTS)}
        return calls, means.pop(function), means


class Qemu(Prompt):
    """A machine of QEMU on which instructions are counted (instructions.py)."""

    def __init__(self, machine):
        arch, self.name, address = MACHINES[machine]
        self.memory = Memory(address, QEMU_POLICIES)
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
        # For nothing: from the second time on the interpreter finds a name faster.
        self.means("mlp-64-32-10", "full")

    def __exit__(self, *exception):
        self.board.stop()

    def means(self, case, policy):
        """Of a step, without what interpreting the call takes: learn, predict."""
        self.load_samples(case)
        self.load_model(case, policy)
        return map(int, self.run("print(*means(model, x, y))").split())


def measure_on_qemu(machine, case):
    """Instructions of a step."""
    target = {"unit": "instructions", "target": machine.name}
    for policy in QEMU_POLICIES:
        learn, predict = machine.means(case, policy)
        if policy == "full":
            yield row(case, "forward", "mean", predict, **target)
        yield row(case, f"learn-{policy}", "mean", learn, **target)


def measure_on_pico(pico, case):
    """The rows of a case, those of forward with the policy full."""
    pico.load_samples(case)
    for policy in POLICIES:
        pico.load_model(case, policy)
        pico.run("skipped = model.stats()['skipped']")
        calls, cycles, learn_parts = pico.cycles("tp_run", "learn(model, x, y)")
        skipped = int(pico.run("print(model.stats()['skipped'] - skipped)"))
        if policy == "full":
            _, forward, parts = pico.cycles("tp_predict", "predict(model, x, y)")
            yield row(case, "forward", "mean", forward, "cycles")
            if case == "mlp-64-32-10":
                yield from rows_of_parts(case, "forward", parts)
                yield from rows_of_parts(case, "learn-full", learn_parts)
        yield row(case, f"learn-{policy}", "mean", cycles, "cycles")
        yield row(case, f"learn-{policy}", "skipped", round(skipped / calls, 4), "share")
        if policy == "full":
            yield from measure_calls(pico, case)
            yield row(case, "model", "RAM", int(pico.run("print(len(model._image))")), "bytes")


def rows_of_parts(case, op, parts):
    for name, cycles in parts.items():
        if cycles:
            yield row(case, op, f"in {name}", cycles, "cycles")


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


def open_pico():
    memory = Memory(PICO_ROOM, POLICIES)
    pico = Pico("tinyprop", [METHOD_CALL, "tp_run", "tp_predict", *PARTS], memory)
    pico.run((HERE / "models.py").read_text())
    return pico


def mpy_files(arch):
    """tinyprop.mpy, and what it imports."""
    return sorted(targets.mpy(arch)().glob("*.mpy"))


def sizes_of_mpy(arch):
    for path in mpy_files(arch):
        yield row("module", path.name, "file", path.stat().st_size, "bytes", target=arch)


def firmware_growth():
    """Flash that the module takes; a .uf2 file has blocks of 512 bytes for 256 of flash."""
    sizes = [
        Path(targets.script("boards/firmware.sh", "RPI_PICO", *plain)).stat().st_size // 2
        for plain in ([], ["plain"])
    ]
    return row("module", "firmware", "flash", sizes[0] - sizes[1], "bytes")


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
    yield firmware_growth()
    yield from heap_of_import()
    with open_pico() as pico:
        for case in SAMPLES:
            yield from measure_on_pico(pico, case)
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
    print(*speed, sep="\n")
    report.write(rows, speed, HERE / "results")


if __name__ == "__main__":
    main()
