"""What a PC does in the benchmark: models learn here, and the speed of it is measured too."""

import io
import os
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

import _tinyprop
import models
import tinyprop as tp
from samples import EPOCHS, samples

HERE = Path(__file__).resolve().parent
STEPS = 60_000
ROUNDS = 5
FLOAT_LOOPS = "-O2", "-O3", "-O3 -march=native -ffast-math"


class Epoch(NamedTuple):
    """An epoch of learning: the last one of a run from scratch, or the first one. With another
    seed the samples are others than in the epochs before."""

    policy: str
    first: bool = False
    seed: int = 1


# What is measured of learning: everywhere, and on the Pico.
LEARNING = {
    "learn-full-first": Epoch("full", first=True),
    "learn-full": Epoch("full"),
    "learn-default-first": Epoch("default", first=True),
    "learn-default-drift": Epoch("default", seed=2),
    "learn-default": Epoch("default"),
}
OTHER_POLICIES = {
    f"learn-{policy}": Epoch(policy) for policy in ("topk25", "tinyprop", "tinypropv2")
}


@cache
def samples_of(case, seed):
    return samples(case, EPOCHS[case][0], seed)


@cache
def learned(case, policy, first):
    """A model before its first or its last epoch, as a file: the bits are those of every board."""
    model = models.build(case, policy)
    for _ in range(0 if first else EPOCHS[case][1] - 1):
        models.learn(model, *samples_of(case, 1))
    file = io.BytesIO()
    model.save(file)
    return file.getvalue()


def steps_a_second(epoch):
    """Of mlp-64-32-10 in the C extension, in the same epoch over and over."""
    x, y = samples_of("mlp-64-32-10", epoch.seed)
    model = tp.load(io.BytesIO(learned("mlp-64-32-10", epoch.policy, epoch.first)))
    before = bytes(model._image)
    passes = STEPS // len(y)
    start = time.process_time()
    for _ in range(passes):
        model._image[:] = before
        model.learn_many(x, y)
    return passes * len(y) / (time.process_time() - start)


def measure():
    """Steps of learning a second of mlp-64-32-10, by what does them: the C extension, {operation:
    steps}, and in turn with it a plain loop of floats (float_loop.c), {compiler's options: steps}.
    The best of some rounds, and not the same in every run."""
    assert _tinyprop.backend() == "c"
    extension, loops = dict.fromkeys(LEARNING, 0), dict.fromkeys(FLOAT_LOOPS, 0)
    with tempfile.TemporaryDirectory() as folder:
        for options in FLOAT_LOOPS:
            command = [os.environ.get("CC") or "gcc", *options.split(), HERE / "float_loop.c"]
            subprocess.run([*command, "-o", Path(folder, options), "-lm"], check=True)
        for _ in range(ROUNDS):
            for op, epoch in LEARNING.items():
                extension[op] = max(extension[op], steps_a_second(epoch))
            for options in FLOAT_LOOPS:
                steps = float(subprocess.check_output([Path(folder, options), str(STEPS)]))
                loops[options] = max(loops[options], steps)
    return extension, loops
