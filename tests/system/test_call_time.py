"""No call takes longer than summary() says, and in the mean it takes about as long as `tinyprop
info` does: odd models on an emulated Pico, by its own clock. They learn from values that are never
0 and from labels by chance, so nothing is skipped and all formats move; of some it takes 70 steps,
after which weights are looked through once more."""

import pytest
import run
import tinyprop as tp  # noqa: F401 - for eval
from tinyprop_desk import boards

HERTZ = 125_000_000
TIMED = """
import time, tinyprop_words
from array import array

def longest(model, floats, steps):
    seed, took, all = 1, [0, 0], [0, 0]
    x = array("f" if floats else "B", bytes(model._n_in * (4 if floats else 1)))
    out = array("f", [0] * model._n_out)
    for step in range(steps):
        for i in range(len(x)):
            seed = seed * 1103515245 + 12345 & 0x3fffffff
            x[i] = (seed >> 16) % 255 + 1
        y = seed % model._n_out
        if model._mse:
            y = array("f", [(seed >> i + 3) % 100 / 9 for i in range(len(out))])
        for k, call in enumerate((model.learn, model.predict_into)):
            began = time.ticks_us()
            call(x, out if k else y)
            us = time.ticks_diff(time.ticks_us(), began)
            took[k] = max(took[k], us)
            all[k] += us
    print(took[1], took[0], all[1] // steps, all[0] // steps, *tinyprop_words._longest(model))
"""
# Layers; whether values come as floats, and ranges are learned; steps.
MODELS = {
    "one value": ("1, [tp.Dense(1)], loss='mse'", True, 70),
    "few values": ("3, [tp.Dense(16, 'relu'), tp.Dense(3)]", True, 70),
    "many values": ("784, [tp.Dense(2)]", True, 3),
    "a narrow middle": ("500, [tp.Dense(1, 'tanh'), tp.Dense(2)]", True, 3),
    "numbers": ("64, [tp.Dense(8, 'relu'), tp.Dense(64)], loss='mse'", True, 3),
    "deep": ("8, [tp.Dense(8, 'sigmoid') for _ in range(8)] + [tp.Dense(4)]", True, 70),
    "bytes": ("64, [tp.Dense(32, 'relu'), tp.Dense(10)], input_range=(0, 255)", False, 70),
    "one filter": ("(16, 16, 1), [tp.Conv2D(1, 1), tp.Dense(2)]", True, 3),
    "tanh": ("(16, 16, 3), [tp.Conv2D(3, 3, activation='tanh'), tp.Dense(2)]", True, 3),
    "depthwise": (
        "(16, 16, 2), [tp.DepthwiseConv2D(3), tp.DepthwiseConv2D(3), tp.Dense(2)]",
        True,
        3,
    ),
    "pools": ("(16, 16, 2), [tp.MaxPool2D(), tp.AvgPool2D(), tp.Dense(2)]", True, 3),
    "series": ("(60, 3), [tp.Conv1D(8, 5, activation='relu'), tp.Dense(4)]", True, 3),
    "strides": ("(32, 32, 1), [tp.Conv2D(4, 3, 3), tp.Conv2D(4, 3, 3), tp.Dense(2)]", True, 3),
    "two convolutions": (
        "(12, 12, 8), [tp.Conv2D(15, 3, activation='tanh'), tp.Conv2D(5, 3), tp.Dense(3)]",
        *(True, 3),
    ),
    "remembered": ("30, [tp.Dense(20, 'relu'), tp.Dense(4)], replay=8", True, 70),
    "much remembered": ("60, [tp.Dense(2)], replay=100", True, 70),
    "remembered numbers": ("9, [tp.Dense(9)], loss='mse', replay=200", True, 70),
    "frozen": (
        "(12, 12, 2), [tp.Conv2D(4, 3, trainable=False), tp.Conv2D(4, 3), tp.Dense(3)], replay=3",
        *(True, 3),
    ),
}


@pytest.fixture(scope="module")
def pico():
    with run.open_plain_pico() as pico:
        pico.run(TIMED)
        yield pico


@pytest.mark.parametrize("name", MODELS)
def test_a_call_takes_no_longer_than_it_says_and_about_as_long_as_info_does(pico, name):
    """The policy is the one that takes longest."""
    model, floats, steps = MODELS[name]
    pico.run("m = None; gc.collect()")
    pico.run(f"m = tp.Model({model}, policy=tp.TopK())")
    numbers = list(map(int, pico.run(f"longest(m, {floats}, {steps})").split()))
    for us, cycles in zip(numbers[:2], numbers[4:], strict=True):
        assert us * HERTZ / 1e6 < cycles < 5 * us * HERTZ / 1e6
    here = eval(f"tp.Model({model}, policy=tp.TopK())")
    for us, op in zip(numbers[2:4], boards.COSTS, strict=True):
        told = boards.step_cycles("armv6m", op, here)
        assert told / 2.5 < us * HERTZ / 1e6 < 2.5 * told, op


def test_a_board_says_milliseconds(pico):
    """As docs/api.md shows it."""
    layers = (
        "tp.Conv2D(8, 3, activation='relu'), tp.MaxPool2D(2), tp.Dense(32, 'relu'), tp.Dense(10)"
    )
    pico.run(f"m = None; gc.collect(); m = tp.Model((8, 8, 1), [{layers}], input_range=(0, 255))")
    printed = pico.run("m.summary()").splitlines()[-1]
    predict, learn = map(int, pico.run("print(*tinyprop_words._longest(m))").split())
    predict, learn = (f"{cycles / HERTZ * 1000:.1f} ms" for cycles in (predict, learn))
    start = "5216 multiply-accumulates; at 125 MHz predict takes up to"
    assert printed == f"{start} {predict}, learn up to {learn}"
    assert printed in (run.ROOT / "docs/api.md").read_text()
