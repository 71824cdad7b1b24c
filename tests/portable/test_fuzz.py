# 10,000 calls with anything: wrong types and sizes, buffers that overlap, images altered behind
# the library's back. Each call works or raises an error of the right kind; nothing crashes, and no
# memory is lost. On the emulated boards a bad address or a misaligned access ends the run.
import gc
import struct
from array import array

import _tinyprop
import data
import testkit
import tinyprop as tp

CALLS = 10000
SEED = 1
EXPECTED = (
    ValueError,
    TypeError,
    MemoryError,
    OverflowError,
    RuntimeError,
)  # `busy` is altered too
if hasattr(struct, "error"):
    EXPECTED += (struct.error,)  # CPython's, of an image that is too short for what it says


def models():
    conv = [
        tp.Conv2D(2, 3, activation="relu", padding="same"),
        tp.MaxPool2D(2),
        tp.DepthwiseConv2D(2),
        tp.Dense(3),
    ]
    dense = [tp.Dense(5, activation="sigmoid"), tp.Dense(4, activation="relu"), tp.Dense(3)]
    small = [tp.Dense(3, activation="tanh"), tp.Dense(2)]
    return (
        tp.Model((6, 6, 1), conv, input_range=(0, 255)),
        tp.Model((4, 2), dense, policy=tp.Diffused(), lr=0.5),
        tp.Model(4, small, loss="mse", output_range=[(-1, 1), (0, 9)]),
        tp.Model(3, small, loss="mse"),
    )


class Fuzz:
    def __init__(self, seed):
        self.below = data.Random(seed).below
        self.models = models()
        # The arrays that lists are copied to are made when they are first needed.
        for model in self.models:
            model.learn([1] * model._n_in, [1] * model._n_out if model._mse else 1)
            model.predict([1] * model._n_in)
        self.whole = [bytes(model._image) for model in self.models]
        self.raised = 0

    def number(self):
        return (
            0,
            1,
            -1,
            2,
            3,
            127,
            255,
            -32768,
            1 << 29,
            1 << 31,
            1 << 70,
            0.5,
            -1e30,
            float("nan"),
            float("inf"),
        )[self.below(15)]

    def buffer(self, model):
        n = (model._n_in, model._n_in, model._n_in, model._n_out, 0, 1, self.below(80))[
            self.below(7)
        ]
        kind = self.below(12)
        if kind == 0:
            return bytes(n)
        if kind == 1:
            return memoryview(bytearray(n + 3))[self.below(3) :]
        if kind == 2:
            return memoryview(model._image)[self.below(200) :][:n]  # overlaps the model itself
        if kind == 3:
            return [self.number() for _ in range(n)]
        if kind == 4:
            return (None, "text", 5, 1.5, {}, model, [[1]], [None] * n)[self.below(8)]
        a = array("BbHhIiLlqQfd"[self.below(12)], bytearray(8 * n))
        return a[:n]

    def target(self, model):
        kind = self.below(4)
        return self.below(3) if kind == 0 else self.number() if kind == 1 else self.buffer(model)

    def alter(self, image):
        for _ in range(1 + self.below(4)):
            # Mostly in spec and state before the weights, which is what is checked.
            at = self.below(min(len(image), 500)) if self.below(4) else self.below(len(image))
            image[at] = (0, 1, 255, 128, self.below(256))[self.below(5)]

    def call(self):
        i = self.below(len(self.models))
        model, below = self.models[i], self.below
        if below(4) == 0:
            self.alter(model._image)
        what = below(11)
        if what < 3:
            model.learn(self.buffer(model), self.target(model))
        elif what < 5:
            model.predict(self.buffer(model))
        elif what == 5:
            out = self.buffer(model) if below(2) else array("f", [0] * model._n_out)
            model.predict_into(self.buffer(model), out)
        elif what == 6:
            x = bytes(model._n_in * below(4))
            model.learn_many(x, bytes(below(4)))
        elif what == 7:
            model.evaluate(self.buffer(model), self.target(model))
        elif what == 8:
            model.lr = self.number() if below(4) else None
        elif what == 9:
            name = ("input_range", "output_range")[below(2)]
            if below(2):
                getattr(model, name)
            else:
                setattr(model, name, (None, None, (0, 1))[below(3)])
        else:
            n = below(len(model._image))
            image = bytearray(model._image[:n])
            call = (
                _tinyprop.layout,
                lambda image: _tinyprop.init(image, 1),
                lambda image: _tinyprop.learn(image, bytes(36), 1),
            )
            call[below(3)](image)

    def memory(self):
        """Bytes in use, but for the copies of lists, which are as long as the last one."""
        for model in self.models:
            model._x = array("f")
        gc.collect()
        return gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0

    def run(self, calls):
        for _ in range(calls):
            try:
                self.call()
            except EXPECTED:
                self.raised += 1
            for model, whole in zip(self.models, self.whole):
                if self.below(8) == 0:
                    model._image[:] = whole


def test_ten_thousand_calls():
    print("seed", SEED)
    fuzz = Fuzz(SEED)
    fuzz.run(100)
    before = fuzz.memory()
    for _ in range(CALLS // 500):
        fuzz.run(500)
    after = fuzz.memory()
    assert after <= before + 256, (before, after)
    assert CALLS // 10 < fuzz.raised < CALLS, fuzz.raised  # it did both: work and refuse


if __name__ == "__main__":
    testkit.main(globals())
