"""Run by test_fleet_engine.py where Flower is: prints a digest of what each way gives. Every
twelfth board has wrong labels, which the mean, that begins with a model which knows something,
has count less."""

import hashlib
import io
import sys

import numpy as np
import tinyprop as tp
from flwr.serverapp.strategy import FedMedian, FedTrimmedAvg, Krum
from tinyprop_flower import averaging, models, simulation, strategy

BOARDS, ROUNDS, STEPS = 120, 2, 60

path = sys.argv[1]
random = np.random.default_rng(1)
n = 9 * BOARDS
x = random.normal(0, 1, (n, 8)).astype("f4") + np.arange(n)[:, None] % BOARDS / BOARDS
group, y = np.arange(n) % BOARDS, x[:, :3].argmax(1)
np.savez(path, x=x, y=np.where(group % 12, y, (y + 1) % 3), group=group)
model = tp.Model(8, [tp.Dense(9, activation="relu"), tp.Dense(3)])
model.learn_many(x, y)
sent = models.saved(model)


def tell(way, file):
    right = tp.load(io.BytesIO(file)).evaluate(x, y)
    print(way, hashlib.sha256(file).hexdigest(), f"{right:.3f}", flush=True)


def directly(sent, way=None, screened=True):
    """The same without the engine; way: a strategy of Flower's."""
    x, y, group = simulation.samples_of(path)
    before, now = None, sent
    for turn in range(1, 1 + ROUNDS):
        sent = now if way else averaging.onward(before, now)
        merged = averaging.Merged(sent)
        for board in random.permutation(BOARDS):
            mine = group == board
            file = models.learned(sent, x[mine], y[mine], turn, STEPS)
            merged.take(file, int(mine.sum()), int(board))
        if way:
            result = strategy.ByFloats(way()).result(turn, merged)
        else:
            wrong = merged.screen() if screened else []
            assert all(board % 12 == 0 for board, _ in wrong), wrong
            result = merged.mean()
        before, now = now, result
    return now


tell("directly", directly(sent))
tell("unscreened", directly(sent, screened=False))
tell("engine", simulation.simulate(sent, path, ROUNDS, STEPS))
tell(
    "engine,median", simulation.simulate(sent, path, ROUNDS, STEPS, strategy.ByFloats(FedMedian()))
)
for way in FedMedian, FedTrimmedAvg, Krum:
    tell(way.__name__, directly(sent, way))
