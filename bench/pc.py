"""Speed on this PC: steps of learning a second in the C extension, and in a plain loop of floats
(float_loop.c) between them. Not the same in every run."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from samples import samples

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
STEPS = 150_000
ROUNDS = 5


def steps_a_second(model, x, y):
    passes = STEPS // len(y)
    start = time.process_time()
    for _ in range(passes):
        model.learn_many(x, y)
    return passes * len(y) / (time.process_time() - start)


def measure():
    """Lines of text: the best of some rounds."""
    os.environ["TINYPROP_BACKEND"] = "c"
    sys.path[:0] = [str(ROOT / "host_sim/backend"), str(ROOT / "micropython_mod")]
    import models

    x, y = samples("mlp-64-32-10", 300)
    model = models.build("mlp-64-32-10", "full")
    c = floats = 0
    with tempfile.TemporaryDirectory() as folder:
        loop = str(Path(folder) / "float_loop")
        compiler = os.environ.get("CC") or "gcc"
        subprocess.run([compiler, "-O2", "-o", loop, HERE / "float_loop.c", "-lm"], check=True)
        for _ in range(ROUNDS):
            c = max(c, steps_a_second(model, x, y))
            floats = max(floats, float(subprocess.check_output([loop, str(STEPS)])))
    return [
        f"{c:,.0f} steps of mlp-64-32-10 learn-full a second in the C extension, on one core.",
        f"{floats:,.0f} in a plain loop of floats compiled with -O2: {c / floats:.2f} times that.",
    ]
