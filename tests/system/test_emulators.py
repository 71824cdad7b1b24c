"""The Pico's own executor of instructions; and what starts emulators leaves none behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Starts a command as tests/targets.py does, prints its process id and what it prints.
RUNNER = """
import subprocess, sys
options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
process = subprocess.Popen(sys.argv[1:], start_new_session=True, text=True, **options)
print(process.pid, flush=True)
for line in process.stdout:
    print(line, end="", flush=True)
"""


def running(session):
    """The processes of a session that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[3]) == session:
            found.append(path.parent.name)
    return found


@pytest.mark.parametrize("command", ["qemu.sh m3", "qemu.sh xtensa", "pico/serial_port.py plain"])
def test_ends_with_its_runner(command):
    emulator = ROOT / "boards/emulators" / command.split()[0]
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, emulator, *command.split()[1:]],
        stdout=subprocess.PIPE,
        text=True,
    ) as runner:
        session = int(runner.stdout.readline())
        assert any("/dev/pts/" in line for line in runner.stdout)
        assert running(session)
        runner.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 100
        while running(session) and time.monotonic() < deadline:
            time.sleep(0.1)
        left = running(session)
        if left:
            os.killpg(session, signal.SIGKILL)
        assert not left


# PUSH and POP aside, what begins with 1011: interrupts, byte order, hints; then UDF and SVC; and
# the wide instructions that the Cortex-M0+ does not have.
LEFT = [177, 179, *range(183, 188), 190, 191, 222, 223, *range(232, 240), *range(248, 256)]


def test_the_picos_core_does_what_rp2040js_does():
    def line(*command):
        return subprocess.check_output(command, cwd=ROOT, text=True).split("\n")[-2]

    firmware = line("boards/firmware.sh", "RPI_PICO", "plain")
    rom = f"{ROOT}/build/pico/boot_rom.bin"
    subprocess.check_call(["make", "-s", "-C", "boards/emulators/pico/boot_rom", f"OUT={rom}"])
    modules = line("boards/setup/node.sh") + "/node_modules"
    result = subprocess.check_output(
        ["node", ROOT / "tests/system/compare_cores.mjs", rom, firmware],
        env={**os.environ, "NODE_PATH": modules},
    )
    assert json.loads(result) == LEFT
