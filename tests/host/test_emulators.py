"""What starts the emulators can be killed without leaving one behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Starts a command as tests/run_target.py does, prints its process id and what it prints.
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
        deadline = time.monotonic() + 20
        while running(session) and time.monotonic() < deadline:
            time.sleep(0.1)
        left = running(session)
        if left:
            os.killpg(session, signal.SIGKILL)
        assert not left
