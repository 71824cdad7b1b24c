"""Measures tinyprop on an emulated Raspberry Pi Pico, in exact cycles of its processor.

    python bench/run.py

writes results.json, rows of {"target", "case", "op", "metric", "value", "unit"}, with results.md
and results.png beside this file. The figures are the same in every run, so that a test can tell
when one has changed (tests/host/test_bench.py).
"""

import json
import subprocess
import sys
from pathlib import Path

from mpremote.transport_serial import SerialTransport

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT / "boards/emulators/pico"), str(HERE)]

import report  # noqa: E402
from samples import SAMPLES, samples  # noqa: E402
from serial_port import EmulatedPico  # noqa: E402

RESULTS = HERE / "results.json"
POLICIES = ("full", "topk25", "tinyprop", "tinypropv2", "diffused")
# The interpreter's function that calls a method which it has looked up.
METHOD_CALL = "mp_call_method_n_kw"
# A run learns an epoch this often; the last one is measured.
EPOCHS = 4
EPOCH = {"mlp-64-32-10": 300, "mnist-784-32-16-10": 150, "cnn-8x8": 150}
ARCHITECTURES = ("x64", "armv6m", "armv7m", "armv7emsp", "rv32imc", "xtensawin")


def row(case, op, metric, value, unit, target="pico"):
    names = ("target", "case", "op", "metric", "value", "unit")
    return dict(zip(names, (target, case, op, metric, value, unit), strict=True))


class Pico:
    """The prompt of an emulated Pico on which calls of some C functions are counted."""

    def __init__(self, firmware, functions):
        self.board = EmulatedPico(firmware, "--profile", ",".join(functions))
        self.line = SerialTransport(self.board.port)
        self.line.enter_raw_repl(soft_reset=False, timeout_overall=60)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.line.close()
        self.board.power_off()

    def run(self, code):
        output, error = self.line.exec_raw(code, timeout=300)
        if error:
            raise RuntimeError(error.decode())
        return output.decode().strip()

    def send(self, name, data):
        self.run(f"{name} = bytearray({len(data)})")
        for i in range(0, len(data), 1024):
            self.run(f"{name}[{i}:{i + 1024}] = {bytes(data[i : i + 1024])!r}")

    def cycles(self, function, code):
        """Calls of a C function while code runs, and the mean cycles of one."""
        self.board.take_profile()
        self.run(code)
        profile = self.board.take_profile()[function]
        return profile["calls"], round(profile["cycles"] / profile["calls"])


def measure_case(pico, case, policies=POLICIES):
    """The rows of a case, those of forward with the policy full."""
    x, y = samples(case, EPOCH[case])
    pico.run("x = y = model = None; gc.collect()")
    pico.send("x", x)
    pico.send("y", y)
    for policy in policies:
        pico.run(f"model = None; model = build('{case}', '{policy}')")
        pico.run(f"for _ in range({EPOCHS - 1}): learn(model, x, y)")
        pico.run("skipped = model.stats()['skipped']")
        calls, cycles = pico.cycles("tp_run", "learn(model, x, y)")
        skipped = int(pico.run("print(model.stats()['skipped'] - skipped)"))
        yield row(case, f"learn-{policy}", "mean", cycles, "cycles")
        yield row(case, f"learn-{policy}", "skipped", round(skipped / calls, 4), "share")
        if policy == "full":
            cycles = pico.cycles("tp_predict", "predict(model, x, y)")[1]
            yield row(case, "forward", "mean", cycles, "cycles")
            yield row(case, "model", "RAM", int(pico.run("print(len(model._image))")), "bytes")
            yield from measure_calls(pico, case)


def measure_calls(pico, case):
    """What a call from Python costs beside the C function in it: the least of some calls, as the
    interpreter looks after USB now and then."""
    pico.run("sample, label = bytes(x[:len(x) // len(y)]), y[0]")
    for op, function, call in (
        ("predict-call", "tp_predict", "model.predict(sample)"),
        ("learn-call", "tp_run", "model.learn(sample, label)"),
    ):
        counts = []
        for _ in range(10):
            pico.board.take_profile()
            pico.run(call)
            profile = pico.board.take_profile()
            assert profile[METHOD_CALL]["calls"] == 1
            counts.append(profile[METHOD_CALL]["cycles"] - profile[function]["cycles"])
        yield row(case, op, "over C", min(counts), "cycles")


def open_pico(firmware="tinyprop"):
    if firmware == "plain":
        return Pico(firmware, [METHOD_CALL])
    pico = Pico(firmware, [METHOD_CALL, "tp_run", "tp_predict"])
    pico.run((HERE / "models.py").read_text())
    return pico


def script(*command):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()[-1]


def size_of_mpy(arch):
    path = script("usermod_c/tinyprop/natmod/build.sh", arch).split()[0]
    return row("module", ".mpy", "file", (ROOT / path).stat().st_size, "bytes", target=arch)


def firmware_growth():
    """Flash that the module takes; a .uf2 file has blocks of 512 bytes for 256 of flash."""
    sizes = [
        Path(script("boards/firmware.sh", "RPI_PICO", *plain)).stat().st_size // 2
        for plain in ([], ["plain"])
    ]
    return row("module", "firmware", "flash", sizes[0] - sizes[1], "bytes")


def heap_of_import():
    """RAM that the .mpy takes on stock firmware."""
    with open_pico("plain") as pico:
        pico.run("import gc")
        pico.send("mpy", (ROOT / "dist/armv6m_6.3/tinyprop.mpy").read_bytes())
        pico.run("f = open('tinyprop.mpy', 'wb'); f.write(mpy); f.close(); del mpy, f")
        pico.run("gc.collect(); before = gc.mem_alloc()")
        heap = pico.run("import tinyprop; gc.collect(); print(gc.mem_alloc() - before)")
    return row("module", ".mpy", "heap of import", int(heap), "bytes")


def measure_all():
    for arch in ARCHITECTURES:
        yield size_of_mpy(arch)
    yield firmware_growth()
    yield heap_of_import()
    with open_pico() as pico:
        for case in SAMPLES:
            yield from measure_case(pico, case)


def main():
    rows = []
    for result in measure_all():
        print(*result.values(), flush=True)
        rows.append(result)
    RESULTS.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
    report.write(rows, HERE / "results")


if __name__ == "__main__":
    main()
