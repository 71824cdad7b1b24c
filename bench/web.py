"""How fast a network learns in WebAssembly, beside C on the same PC, in turns:

    python bench/web.py

prints steps a second of mlp-64-32-10 and their ratio, which is not the same in every run.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FOLDERS = "host_sim/backend", "micropython_mod", "tests/portable", "bench"
sys.path[:0] = [str(ROOT / folder) for folder in FOLDERS]

import pc  # noqa: E402


def in_node(folder, epoch):
    """Steps a second of what pc.py does in C."""
    x, y = pc.samples_of("mlp-64-32-10", epoch.seed)
    parts = pc.learned("mlp-64-32-10", epoch.policy, epoch.first), bytes(x), bytes(y)
    files = [folder / name for name in ("model.tp", "x", "y")]
    for file, part in zip(files, parts, strict=True):
        file.write_bytes(part)
    return float(subprocess.check_output(["node", HERE / "web.mjs", *files, str(pc.STEPS)]))


def main():
    with tempfile.TemporaryDirectory() as folder:
        for op, epoch in pc.LEARNING.items():
            runs = [
                (pc.steps_a_second(epoch), in_node(Path(folder), epoch)) for _ in range(pc.ROUNDS)
            ]
            c, wasm = (max(run) for run in zip(*runs, strict=True))
            print(f"{op:20} C {c:9,.0f}   WebAssembly {wasm:9,.0f} steps/s   {c / wasm:.1f} times")


main()
