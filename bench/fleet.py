"""How long a thousand boards take to learn one model in Flower's simulation engine, ten rounds of
mlp-64-32-10, and how much memory all of its processes take together at most:

    python bench/fleet.py

run by the Python that has Flower, of boards/setup/python.sh fleet. Memory that processes share
counts once.
"""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = "micropython_mod", "host_sim/backend", "host_sim"
BOARDS, SAMPLES, ROUNDS, STEPS = 1000, 12, 10, 100


def flower_environment(programs, home):
    """For Flower, whose programs are in a folder; home: where it keeps what it wants to."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in FOLDERS),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "TINYPROP_BACKEND": "c",
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def simulate(folder):
    import numpy as np
    import tinyprop as tp
    from tinyprop_flower import simulation

    random, n = np.random.default_rng(1), BOARDS * SAMPLES
    x = random.integers(0, 17, (n, 64), np.uint8)
    boards = folder / "boards.npz"
    np.savez(boards, x=x, y=x[:, :10].argmax(1), group=np.arange(n) % BOARDS)
    file = io.BytesIO()
    tp.Model(64, [tp.Dense(32, activation="relu"), tp.Dense(10)], input_range=(0, 16)).save(file)
    simulation.simulate(file.getvalue(), str(boards), ROUNDS, STEPS)


def memory(pid):
    """Bytes of a process and of all that it has started."""
    parents, found = {}, {pid}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    total = 0
    for process in found:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            total += 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def main():
    with tempfile.TemporaryDirectory() as folder:
        began, most = time.monotonic(), 0
        with open(Path(folder, "log"), "w+") as log:
            process = subprocess.Popen(
                [sys.executable, __file__, folder],
                env=flower_environment(Path(sys.executable).parent, folder),
                stdout=log,
                stderr=log,
            )
            while process.poll() is None:
                most = max(most, memory(process.pid))
                time.sleep(0.5)
            log.seek(0)
            if process.returncode:
                sys.exit(log.read())
        print(
            f"{BOARDS} boards, {ROUNDS} rounds of {STEPS} steps: "
            f"{time.monotonic() - began:.0f} s on {os.cpu_count()} cores, {most / 2**30:.1f} GiB"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        simulate(Path(sys.argv[1]))
    else:
        main()
