"""What a PC does in the benchmark: models learn here, and the speed of it is measured too."""

import io
import os
import subprocess
import tempfile
import time
from pathlib import Path

import _tinyprop
import models
from samples import EPOCHS, samples

HERE = Path(__file__).resolve().parent
STEPS = 150_000
ROUNDS = 5


def learned(case, policy):
    """A model before the epoch that is measured, as a file: the bits are those of every board."""
    n, epochs = EPOCHS[case]
    model = models.build(case, policy)
    for _ in range(epochs - 1):
        models.learn(model, *samples(case, n))
    file = io.BytesIO()
    model.save(file)
    return file.getvalue()


def steps_a_second(model, x, y):
    passes = STEPS // len(y)
    start = time.process_time()
    for _ in range(passes):
        model.learn_many(x, y)
    return passes * len(y) / (time.process_time() - start)


def measure():
    """Steps of learning a second in the C extension, and in a plain loop of floats (float_loop.c)
    in turn with it, as lines of text: the best of some rounds, and not the same in every run."""
    assert _tinyprop.backend() == "c"
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
