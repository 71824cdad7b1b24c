"""What a step of the integers does, against finite differences of the float64 model's objective.

No tolerance is tuned: next to each number goes a bound of what rounding can have done to it, from
the formats of core/tinyprop.h, through all layers forward and back. Where that bound is wider than
the gradient itself nothing would be tested, so that is checked as well.
"""

import _tinyprop
import images
import numpy as np
import pytest
from _tinyprop_numpy import image as im
from images import dense, layer

from host_sim.oracle import FloatModel, Weighted

c_backend = _tinyprop.c_backend()

STEP = 1e-4  # of finite differences
EXP = 4 / 2**16  # error of e^-d: see test_fixed.py


class Bounds:
    """Beside a float model that has run forward and back: how far integers may be from it."""

    def __init__(self, image):
        self.real = FloatModel(image, np.float64)
        self.size = FloatModel(image, np.float64)  # of |w|: a linear map of bounds
        for size in self.size.layers:
            if isinstance(size, Weighted):
                size.w = np.abs(size.w)
        self.bits = self.real.head.bits
        self.unit = 14 if self.bits == 8 else 13

    def forward(self, a):
        z = self.real.forward(a)
        e, f = np.zeros_like(a), None
        for real, size in zip(self.real.layers, self.size.layers, strict=True):
            size.e_in = e
            r = real.record
            if not isinstance(real, Weighted):
                rounding = 0 if r.kind == im.MAXPOOL else 2.0**-f / 2
                average = size.forward(e)
                e = (real.windows(e).max(2) if r.kind == im.MAXPOOL else average) + rounding
                continue
            size.e_z = size.linear(e)
            real.z = real.linear(real.x) + real.b
            e = size.e_z
            if real is self.real.layers[-1]:
                break
            if r.activation in (im.LINEAR, im.RELU):
                e = e + 2.0**-r.fy / 2
            else:
                # z in Q.12, e^-z, a quotient in Q.15; tanh is twice a sigmoid of twice z.
                twice = 2 if r.activation == im.TANH else 1
                table = twice * (2.0**-13 / 4 + EXP + 2.0**-15)
                last = 2.0 ** -(self.bits - (twice - 1))  # 1.0 itself is not representable
                e = e * (1 if twice == 2 else 0.25) + table + last
            size.e_out, f = e, r.fy
        return z

    def output_errors(self, z, y):
        d, _ = self.real.output_delta(z, y)
        e_z = self.size.layers[-1].e_z.max()
        if self.real.head.loss == im.MSE:
            return d, np.full_like(d, e_z + 2.0**-15 + 2.0**-self.unit / 2)
        n = len(d)
        # softmax moves by at most half of the largest move of z; z is rounded to Q.12; each
        # exponential is off by EXP, their sum by n EXP; then 2^-14 of p, and Q.14.
        return d, np.full_like(d, (e_z + 2.0**-13) / 2 + (1 + n) * EXP + 2.0**-13 + 2.0**-15)

    def backward(self, d, e):
        """Leaves dw, db in the real layers and their bounds in the others."""
        layers = list(zip(self.real.layers, self.size.layers, strict=True))
        d, e = (v.reshape(layers[-1][0].shape_out) for v in (d, e))
        f = None  # of dx, at least
        for i in range(len(layers) - 1, self.real.first_trained - 1, -1):
            real, size = layers[i]
            want_dx = i > self.real.first_trained
            if not isinstance(real, Weighted):
                self.dy = d
                n = real.v.shape[2] if real.record.kind == im.AVGPOOL else 1
                f += n.bit_length() - 1
                e = self.pool_back(real, e + np.abs(d) * (2.0**-6 if n > 1 else 0))
                e += 2.0**-f if n > 1 else 0
                d = real.backward(d, want_dx)
                continue
            if i < len(layers) - 1:
                d, e = self.through_activation(real, size, d, e)
            real.db, size.db = (v.reshape(-1, real.record.out_c).sum(0) for v in (d, e))
            # L1 guard: after it, half a unit is at most 2^-15 of the sum.
            total = (np.abs(d) + e).sum()
            e = e + total * 2.0**-15
            f = min(self.unit, 14 - np.ceil(np.log2(total))) + real.record.fw

            size.x = np.abs(real.x) + size.e_in
            dx_bound = size.backward(e, want_dx)
            dw = size.dw
            size.x = size.e_in
            size.backward(np.abs(d), False)
            size.dw = size.dw + dw
            d, e = real.backward(d, want_dx), dx_bound

    def pool_back(self, pool, e):
        """Where it is not sure which input is the largest, any may get the error, or not."""
        if pool.record.kind == im.AVGPOOL:
            return pool.backward(e, True)
        near = pool.windows(self.size.layers[self.real.layers.index(pool)].e_in)
        v = pool.v
        reach = v.max(2) - near.max(2)
        candidates = v + near >= reach[:, :, None]
        sure = candidates.sum(2) == 1
        d = np.abs(self.dy)
        share = candidates * np.where(sure, e, d + e)[:, :, None]
        places = pool.windows(np.arange(pool.record.n_in).reshape(pool.shape_in))
        bound = np.zeros(pool.record.n_in)
        bound[places] = share
        return bound.reshape(pool.shape_in)

    def through_activation(self, real, size, dx, e_dx):
        kind, y, e_y = real.record.activation, real.y, size.e_out
        rounding = 2.0**-self.unit / 2
        d = real.activation_backward(dx)
        if kind == im.LINEAR:
            return d, e_dx + rounding
        if kind == im.RELU:
            unsure = np.abs(real.z) <= e_y
            return d, np.where(unsure, np.abs(dx) + e_dx, np.where(y > 0, e_dx, 0)) + rounding
        e_dx = e_dx + rounding
        slope = 1 - y * y if kind == im.TANH else y * (1 - y)
        steep = 2 * np.abs(y) if kind == im.TANH else np.abs(1 - 2 * y)
        e_slope = steep * e_y + e_y**2 + 2.0**-14
        return d, np.abs(dx) * e_slope + e_dx * (slope + e_slope) + rounding


def finite_differences(model, a, y, parameters):
    gradient = np.zeros(parameters.shape)
    for i in np.ndindex(parameters.shape):
        value, ends = parameters[i], []
        for parameters[i] in (value - STEP, value + STEP):
            ends.append(model.objective(model.forward(a), y))
        parameters[i] = value
        gradient[i] = (ends[1] - ends[0]) / (2 * STEP)
    return gradient


def step_of_the_integers(image, x, y):
    """-dw and -db over the learning rate, in real units; the largest rate that clamps nothing."""
    for n in range(4, 16):
        copy = bytearray(image)
        model = images.open_image(copy)
        model.head.lr_m, model.head.lr_n = 16, n
        before = [
            (model.weights(r).copy(), model.biases(r).copy(), r.fw)
            for r in model.layers
            if r.has_weights
        ]
        assert c_backend.learn(copy, x, y) == 1
        after = images.open_image(copy)
        if after.head.n_clamped == 0:
            break
    assert after.head.n_clipped == after.head.n_saturated == after.head.n_clamped == 0
    lr = 16 * 2.0**-n
    steps = []
    weighted = [r for r in after.layers if r.has_weights]
    for (w, b, fw), r in zip(before, weighted, strict=True):
        dw = (w.astype(float) - after.weights(r)) * 2.0**-fw / lr
        db = (b.astype(float) - after.biases(r)) * 2.0 ** -(fw + 12) / lr
        steps.append((dw, 2.0**-fw / 2 / lr, db, 2.0 ** -(fw + 12) / 2 / lr))
    return steps


def fill_the_range(image, a):
    """Gives relu and linear layers the finest exponent that their outputs allow, as learning
    does in time. Rounding is the less."""
    bounds = Bounds(image)
    bounds.forward(a)
    model = images.open_image(image)
    for real, record in zip(bounds.real.layers[:-1], model.layers[:-1], strict=True):
        if record.has_weights and record.activation in (im.LINEAR, im.RELU):
            most = 60 if record.activation == im.LINEAR else 120
            while record.fy < 8 and np.abs(real.y).max() * 2.0 ** (record.fy + 1) < most:
                record.fy += 1


CONV, DEPTHWISE = "conv", "depthwise"
MODELS = {
    "dense relu": ((1, 1, 9), [dense(7, "relu"), dense(4)]),
    "dense linear": ((1, 1, 9), [dense(7, "linear"), dense(4)]),
    "dense sigmoid": ((1, 1, 9), [dense(7, "sigmoid"), dense(4)]),
    "dense tanh": ((1, 1, 9), [dense(7, "tanh"), dense(4)]),
    "frozen": ((1, 1, 9), [dense(8, "tanh"), dense(7, "tanh", trainable=0), dense(4)]),
    "conv": ((5, 4, 2), [layer(CONV, 3, (3, 2), activation="tanh"), dense(4)]),
    "conv same": ((5, 4, 2), [layer(CONV, 3, (3, 2), same=1, activation="relu"), dense(4)]),
    "conv stride": (
        (6, 5, 1),
        [layer(CONV, 3, (2, 3), (2, 2), 1, "tanh"), layer(CONV, 2, (2, 2), (1, 2)), dense(4)],
    ),
    "depthwise": (
        (5, 4, 2),
        [
            layer(CONV, 3, (2, 2), activation="tanh"),
            layer(DEPTHWISE, 0, (3, 2), (1, 2), 1, "sigmoid"),
            dense(4),
        ],
    ),
    "maxpool": (
        (6, 4, 1),
        [
            layer(CONV, 3, (2, 2), same=1, activation="tanh"),
            layer("maxpool", kernel=(2, 3)),
            dense(4),
        ],
    ),
    "avgpool": (
        (6, 6, 1),
        [
            layer(CONV, 3, (2, 2), same=1, activation="tanh"),
            layer("avgpool", kernel=(3, 2)),
            dense(4),
        ],
    ),
    "global": (
        (5, 4, 1),
        [layer(CONV, 3, (2, 2), activation="relu"), layer("avgpool"), dense(4)],
    ),
}


def compare(name, loss, seed):
    """Yields (layer, kind of parameter), gradient and bound."""
    shape, layers = MODELS[name]
    random = np.random.default_rng(seed)
    n_in, n_out = int(np.prod(shape)), 4
    ranges = [(0, 255)] + [(-1, 1)] * loss
    image = images.build(c_backend, shape, layers, loss, seed=seed, ranges=ranges)
    x = random.integers(0, 256, n_in).astype(np.uint8)
    model = FloatModel(image, np.float64)
    while np.abs(model.forward(model.inputs(x))).max() > 1.8:  # outputs end at 2 half ranges
        x //= 2
    fill_the_range(image, model.inputs(x))
    bounds = Bounds(image)
    model, a = bounds.real, bounds.real.inputs(x)
    z = bounds.forward(a)
    if loss == im.MSE:  # errors of at most 3/4, so that none is clipped
        y = np.round((np.clip(z + random.uniform(-0.75, 0.75, n_out), -1.9, 1.9)) * 1024) / 1024
        y = y.astype(np.float32)
    else:
        y = int(z.argsort()[1])  # so that there is something to learn
    bounds.backward(*bounds.output_errors(z, y))
    steps = iter(step_of_the_integers(image, x, y))
    for i, (real, size) in enumerate(zip(model.layers, bounds.size.layers, strict=True)):
        if not isinstance(real, Weighted):
            continue
        dw, w_rounding, db, b_rounding = next(steps)
        if not real.trainable:
            assert not dw.any() and not db.any()
            continue
        for kind, got, rounding, bound, parameters in (
            ("w", dw, w_rounding, size.dw, real.w),
            ("b", db, b_rounding, size.db, real.b),
        ):
            want = finite_differences(model, a, y, parameters)
            got, bound = got.reshape(want.shape), bound.reshape(want.shape) + rounding
            off = np.abs(got - want)
            assert (off <= bound + STEP).all(), (f"layer {i} {kind}", seed, off - bound)
            yield f"layer {i} {kind}", want.ravel(), bound.ravel()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("loss", [im.CROSSENTROPY, im.MSE])
def test_gradients(name, loss):
    seen = {}
    for seed in range(1, 6):
        for where, want, bound in compare(name, loss, seed):
            # Whether a wrong sign would show.
            seen.setdefault(where, []).extend(2 * np.abs(want) > bound)
    learning = [r for r in MODELS[name][1] if r["kind"] <= im.DEPTHWISE and r["trainable"]]
    assert len(seen) == 2 * len(learning)
    for where, shows in seen.items():
        assert np.mean(shows) > 0.25, f"{where}: the bounds say nothing"


def test_both_clip_errors():
    """An error of 2 moves biases like one of 1, in the output layer and below."""
    image = images.build(
        c_backend, (1, 1, 9), MODELS["dense linear"][1], im.MSE, ranges=[(0, 255), (-1, 1)]
    )
    model = images.open_image(image)
    model.head.lr_m, model.head.lr_n = 16, 8
    floats = FloatModel(image, np.float64)
    before = [model.biases(r) * 2.0 ** -(r.fw + 12) for r in model.layers]
    x, y = np.full(9, 127.5, np.float32), np.full(4, 2, np.float32)  # x: 0 to the layers
    hidden, output = floats.layers
    output.w[:] = 1  # of the floats alone: four errors of 1 come down
    assert c_backend.learn(image, x, y) == 1 and floats.learn(x, y)
    after = model.biases(model.layers[1]) * 2.0 ** -(model.layers[1].fw + 12)
    assert np.allclose(after - before[1], 1 / 16) and np.allclose(output.b - before[1], 1 / 16)
    assert np.allclose(hidden.b - before[0], 1 / 16)
