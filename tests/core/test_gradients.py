"""A step of the integers, against finite differences of the float64 model's objective.

Gradients are centred (core/centre.c): with z = w (x - u) + c and b = c - w u a step is one of w
and c, along the gradients of these. u is 0, or a mean that the layer has from samples before.

No tolerance is tuned: each number has a bound of what rounding can have done to it, worked out
from the formats of core/tinyprop.h through all layers, forward and backward. Where that bound is
wider than the gradient itself nothing is tested, so that is checked as well.
"""

import images
import numpy as np
import pytest
from _tinyprop_numpy import activation, centre, ranges
from _tinyprop_numpy import format as fmt
from images import Image, Layer, dense

from host_sim.oracle import FloatModel, Weighted

C = images.BACKENDS["c"]

STEP = 1e-4  # of finite differences
EXP = 4 / 2**16  # error of e^-d: see test_exp.py


class Bounds:
    """How far the integers may be from a float model that has run forward and backward.

    layers: as in images.spec(). e is a bound of the error of what is named with it: e_z that of z.
    """

    def __init__(self, buffer, layers):
        self.asked, self.image = layers, Image(buffer)
        self.real = FloatModel(buffer, np.float64)
        self.size = FloatModel(buffer, np.float64)  # with |w|, so that it maps bounds to bounds
        for size in self.size.layers:
            if isinstance(size, Weighted):
                size.w = np.abs(size.w)
        self.bits = self.image.twin.bits
        self.delta_frac = 14 if self.bits == 8 else 13

    def layers(self):
        """(layer as asked for, its fields in the image, the float layer, the layer of bounds)"""
        floats = zip(self.real.layers, self.size.layers, strict=True)
        integers = zip(self.asked, self.image.layers, strict=True)
        return [(*two, *others) for two, others in zip(integers, floats, strict=True)]

    def forward(self, x):
        z = self.real.forward(x)
        e, frac = np.zeros_like(x), None
        for asked, fields, real, size in self.layers():
            size.e_in = e
            if not asked.has_weights:
                rounding = 0 if asked.kind == "maxpool" else 2.0**-frac / 2
                average = size.forward(e)
                e = (real.windows(e).max(2) if asked.kind == "maxpool" else average) + rounding
                continue
            size.e_z = size.linear(e)
            if asked.kind == "dense":  # u.x 2^-a is rounded, and then multiplied by the slopes
                z_unit = 2.0 ** -(size.record.state.x_frac + fields.w_frac)
                size.e_z = size.e_z + np.abs(size.record.slopes.astype(int)) * z_unit / 2
            real.z = real.linear(real.x) + real.b
            e = size.e_z
            if real is self.real.layers[-1]:
                break
            if asked.activation in ("linear", "relu"):
                e = e + 2.0**-fields.y_frac / 2
            else:
                # z in Q.12, e^-z, a quotient in Q.15; tanh is twice a sigmoid of twice z.
                twice = {"sigmoid": 1, "tanh": 2}[asked.activation]
                table = twice * (2.0**-13 / 4 + EXP + 2.0**-15)
                last = 2.0 ** -(self.bits - (twice - 1))  # 1.0 itself is not representable
                e = e * (1 if twice == 2 else 0.25) + table + last
            size.e_out, frac = e, fields.y_frac
        return z

    def output_deltas(self, z, y):
        d, _ = self.real.output_delta(z, y)
        e_z = self.size.layers[-1].e_z.max()
        if np.ndim(y) > 0:  # mse
            return d, np.full_like(d, e_z + 2.0**-15 + 2.0**-self.delta_frac / 2)
        n = len(d)
        # softmax changes by at most half of the largest change of z; z is rounded to Q.12; each
        # exponential is off by EXP, their sum by n EXP; then 2^-14 of p, and rounding to Q.14.
        return d, np.full_like(d, (e_z + 2.0**-13) / 2 + (1 + n) * EXP + 2.0**-13 + 2.0**-15)

    def backward(self, d, e):
        """Leaves dw and db in the layers of `real`, and their bounds in those of `size`."""
        layers = self.layers()
        d, e = (v.reshape(layers[-1][2].shape_out) for v in (d, e))
        frac = None  # a lower bound of the format of dx
        for i in range(len(layers) - 1, self.real.first_trained - 1, -1):
            asked, fields, real, size = layers[i]
            want_dx = i > self.real.first_trained
            if not asked.has_weights:
                n = real.v.shape[2] if asked.kind == "avgpool" else 1
                frac += n.bit_length() - 1
                e = self.pool_back(asked, real, size, d, e + np.abs(d) * (2.0**-6 if n > 1 else 0))
                e += 2.0**-frac if n > 1 else 0
                d = real.backward(d, want_dx)
                continue
            if i < len(layers) - 1:
                d, e = self.through_activation(asked, real, size, d, e)
            real.db, size.db = (v.reshape(-1, real.shape_out[2]).sum(0) for v in (d, e))
            # The L1 guard rounds to a unit whose half is at most 2^-15 of the sum; in a dense
            # layer 2^-14.
            total, guard = (np.abs(d) + e).sum(), 14 if asked.kind == "dense" else 15
            e = e + total * 2.0**-guard
            of_d = min(self.delta_frac, guard - 1 - np.ceil(np.log2(total)))
            frac = of_d + fields.w_frac

            size.x = np.abs(real.x) + size.e_in
            e_dx = size.backward(e, want_dx)
            dw = size.dw
            size.x = size.e_in
            size.backward(np.abs(d), False)
            size.dw = size.dw + dw
            if want_dx and asked.kind == "dense":  # s.d 2^-a is rounded
                means = np.resize(np.abs(size.record.means.astype(int)), e_dx.shape)
                e_dx = e_dx + means * 2.0**-frac / 2
            self.centre(asked.kind, real, size, (np.abs(d) + e).reshape(-1, len(real.b)), of_d)
            d, e = real.backward(d, want_dx), e_dx

    def centre(self, kind, real, size, d, frac):
        """Bounds of gradients as of x - u, from those of x. d: largest deltas, frac: their
        format."""
        u, state = np.abs(real.mean_of_rows()), real.record.state
        size.dw = size.dw + u * size.db
        size.db = size.db + (u * size.dw).reshape(-1, len(real.b)).sum(0)
        if kind == "dense":  # u.(x - u) is rounded to 2^3 units of 2^a, u.x and u.u to one before
            unit = 2.0 ** (state.mean_shift + self.bits - 8 - 2 * state.x_frac)
            size.db = size.db + d[0] * 5 * unit
            return
        # The gradient is rounded to 2^shift units before it is multiplied by u, and the sum of all
        # to 16 bits.
        shift = real.record.fan_in.bit_length() + 2
        n_rows = size.dw.size // len(real.b)
        size.db = size.db + u.mean() * n_rows * 2.0 ** (shift - 1 - frac - state.x_frac)
        size.db = size.db + size.db * 2.0**-15

    def pool_back(self, asked, real, size, dy, e):
        """Each input that may be the largest may get the delta, or not. (With a convolution below,
        the integers put deltas at their pixels after the activation; they are the same.)"""
        if asked.kind == "avgpool":
            return real.backward(e, True)
        near, v = real.windows(size.e_in), real.v
        reach = v.max(2) - near.max(2)
        candidates = v + near >= reach[:, :, None]
        sure = candidates.sum(2) == 1
        share = candidates * np.where(sure, e, np.abs(dy) + e)[:, :, None]
        n_in = np.prod(real.shape_in)
        bound = np.zeros(n_in)
        bound[real.windows(np.arange(n_in).reshape(real.shape_in))] = share
        return bound.reshape(real.shape_in)

    def through_activation(self, asked, real, size, dx, e_dx):
        kind, y, e_y = asked.activation, real.y, size.e_out
        rounding = 2.0**-self.delta_frac / 2
        # In a map, rows that were in a finer format than the last one are rounded once more.
        of_format = rounding * (1 if asked.kind == "dense" else 1.5)
        d = real.activation_backward(dx, y)
        if kind == "linear":
            return d, e_dx + of_format
        if kind == "relu":
            unsure = np.abs(real.z) <= e_y
            return d, np.where(unsure, np.abs(dx) + e_dx, np.where(y > 0, e_dx, 0)) + of_format
        e_dx = e_dx + of_format
        slope, steep = {
            "sigmoid": (y * (1 - y), np.abs(1 - 2 * y)),
            "tanh": (1 - y * y, 2 * np.abs(y)),
        }[kind]
        e_slope = steep * e_y + e_y**2 + 2.0**-14
        return d, np.abs(dx) * e_slope + e_dx * (slope + e_slope) + rounding


def finite_differences(model, x, y, parameters):
    gradient = np.zeros(parameters.shape)
    for i in np.ndindex(parameters.shape):
        value, ends = parameters[i], []
        for parameters[i] in (value - STEP, value + STEP):
            ends.append(model.objective(model.forward(x), y))
        parameters[i] = value
        gradient[i] = (ends[1] - ends[0]) / (2 * STEP)
    return gradient


def step_of_the_integers(buffer, layers, x, y):
    """Yields for each layer dw and db as a step shows them, in real units, each with a bound of
    its rounding. The learning rate is the largest that clamps nothing."""
    weighted = [i for i, layer in enumerate(layers) if layer.has_weights]
    before = {i: in_real_units(Image(buffer), i) for i in weighted}
    for lr_shift in range(4, 16):
        copy = bytearray(buffer)
        after = Image(copy)
        after.head.lr_mantissa, after.head.lr_shift = 16, lr_shift
        assert C.learn(copy, x, y) == 1
        biases = np.concatenate([after.biases(i) for i in weighted])
        if after.head.n_clamped == 0 and (np.abs(biases) < images.MAX_BIAS).all():
            break
    assert after.head.n_clipped == after.head.n_saturated == after.head.n_clamped == 0
    lr = 16 * 2.0**-lr_shift
    for i in weighted:
        (w, b, w_unit, b_unit), (new_w, new_b, _, _) = before[i], in_real_units(after, i)
        # Weights are rounded, slopes, and weights again if slopes move into them; biases twice.
        w_rounding = w_unit * (1 + slope_shares(after, i) / 2)
        yield (w - new_w) / lr, w_rounding / lr, (b - new_b) / lr, b_unit / lr


def slope_shares(image, layer):
    """What each weight of a dense layer has of the slopes."""
    if image.layers[layer].kind != fmt.DENSE:
        return 0
    return np.abs(means_of_inputs(image, layer))[:, None] * 2.0 ** -image.layers[layer].mean_shift


def means_of_inputs(image, layer):
    """Of a dense layer; above a map all inputs of a channel have one mean."""
    return np.resize(image.means(layer).astype(int), len(image.weights(layer)))


def in_real_units(image, layer):
    """Weights, slopes included, and biases of a layer in real units, and what their last bits
    stand for."""
    w_unit = 2.0 ** -image.layers[layer].w_frac
    b_unit = w_unit * 2.0**-12
    w = image.weights(layer).astype(float)
    if image.layers[layer].kind == fmt.DENSE:
        su = np.outer(means_of_inputs(image, layer), image.slopes(layer).astype(float))
        w += su * 2.0 ** -image.layers[layer].mean_shift
    return w * w_unit, image.biases(layer) * b_unit, w_unit, b_unit


def give_weights(buffer, classifier):
    """The output layer of a model with mse, which starts without weights, gets another's."""
    given, output = Image(classifier).twin.output, Image(buffer).twin.output
    output.weights[:] = np.rint(given.weights * 2.0 ** (output.state.w_frac - given.state.w_frac))


def give_means(buffer, random, size):
    """Means of up to `size` of the largest, and slopes; as if there had been 64 steps, so that the
    next one does not change them."""
    twin = Image(buffer).twin
    twin.state.trained = 64
    for layer in (layer for layer in twin.layers if layer.has_weights):
        n, layer.state.n_summed = layer.n_means, 64
        most = centre.largest_mean(layer)
        layer.sums[:] = 64 * random.integers(-most * layer.x_signed, most + 1, n) * size
        centre.recentre(twin, layer)
        if layer.kind == fmt.DENSE:
            steep = 40 << layer.state.mean_shift if size > 0 else 0  # s.d 2^-a stays below 2^21
            layer.slopes[:] = random.integers(-steep, steep + 1, layer.n_out)


def set_formats(buffer):
    """The means are in the format that the inputs have."""
    twin = Image(buffer).twin
    x_frac = ranges.input_frac(twin)
    for layer in twin.layers:
        layer.state.x_frac = x_frac
        x_frac = layer.state.y_frac if layer.has_weights else x_frac


def fill_the_range(buffer, layers, x):
    """Where formats adapt, gives a layer the finest that its outputs allow, as learning does in
    time, so that rounding matters less."""
    bounds = Bounds(buffer, layers)
    bounds.forward(x)
    twin = bounds.image.twin
    for layer, (_, fields, real, _) in zip(twin.layers[:-1], bounds.layers()[:-1], strict=True):
        if layer.has_weights and layer.activation in activation.ADAPTS:
            most = activation.top_of_format(twin, layer) / 2
            while fields.y_frac < 8 and np.abs(real.y).max() * 2.0 ** (fields.y_frac + 1) < most:
                fields.y_frac += 1


MODELS = {
    **{f"dense {kind}": ((1, 1, 9), [dense(7, kind), dense(4)]) for kind in fmt.ACTIVATION_NAMES},
    "frozen": ((1, 1, 9), [dense(8, "tanh"), dense(7, "tanh", trainable=0), dense(4)]),
    "conv": ((5, 4, 2), [Layer("conv", 3, (3, 2), activation="tanh"), dense(4)]),
    "conv same": ((5, 4, 2), [Layer("conv", 3, (3, 2), same=1, activation="relu"), dense(4)]),
    "conv stride": (
        (6, 5, 1),
        [Layer("conv", 3, (2, 3), (2, 2), 1, "tanh"), Layer("conv", 2, (2, 2), (1, 2)), dense(4)],
    ),
    "depthwise": (
        (5, 4, 2),
        [
            Layer("conv", 3, (2, 2), activation="tanh"),
            Layer("depthwise", 0, (3, 2), (1, 2), 1, "sigmoid"),
            dense(4),
        ],
    ),
    "maxpool": (
        (6, 4, 1),
        [
            Layer("conv", 3, (2, 2), same=1, activation="tanh"),
            Layer("maxpool", kernel=(2, 3)),
            dense(4),
        ],
    ),
    "maxpools": (
        (7, 6, 2),
        [
            Layer("depthwise", 0, (2, 2), activation="relu"),
            Layer("maxpool", kernel=(2, 2)),
            Layer("maxpool", kernel=(1, 2)),
            dense(4),
        ],
    ),
    "avgpool": (
        (6, 6, 1),
        [
            Layer("conv", 3, (2, 2), same=1, activation="tanh"),
            Layer("avgpool", kernel=(3, 2)),
            dense(4),
        ],
    ),
    "global": (
        (5, 4, 1),
        [Layer("conv", 3, (2, 2), activation="relu"), Layer("avgpool"), dense(4)],
    ),
}


def compare(name, loss, seed, size_of_means):
    """Yields (layer, kind of parameter), gradient and bound."""
    shape, layers = MODELS[name]
    random = np.random.default_rng(seed)
    n_in, n_out = int(np.prod(shape)), 4
    given = [(0, 255)], [(-1, 1)] * (loss == "mse")
    buffer = images.build(C, shape, layers, loss, seed=seed, ranges=given)
    if loss == "mse":
        give_weights(buffer, images.build(C, shape, layers, seed=seed, ranges=([(0, 255)], [])))
    give_means(buffer, random, size_of_means)
    values = random.integers(0, 256, n_in).astype(np.uint8)
    model = FloatModel(buffer, np.float64)
    while np.abs(model.forward(model.inputs(values))).max() > 1.8:  # outputs end at 2 half ranges
        values //= 2
    fill_the_range(buffer, layers, model.inputs(values))
    set_formats(buffer)
    bounds = Bounds(buffer, layers)
    model, x = bounds.real, bounds.real.inputs(values)
    z = bounds.forward(x)
    if loss == "mse":  # deltas of at most 0.6, so that none is clipped, here or below
        y = np.round((np.clip(z + random.uniform(-0.6, 0.6, n_out), -1.9, 1.9)) * 1024) / 1024
        y = y.astype(np.float32)
    else:
        y = int(z.argsort()[1])  # so that there is something to learn
    bounds.backward(*bounds.output_deltas(z, y))
    steps = step_of_the_integers(buffer, layers, values, y)
    for i, (asked, _, real, size) in enumerate(bounds.layers()):
        if not asked.has_weights:
            continue
        dw, w_rounding, db, b_rounding = next(steps)
        if not asked.trainable:
            assert not dw.any() and not db.any()
            continue
        real.dw, real.db = (finite_differences(model, x, y, v) for v in (real.w, real.b))
        real.centre(real.db)
        w_rounding = np.resize(w_rounding, dw.shape).reshape(real.w.shape)
        for kind, got, rounding, bound, want in (
            ("w", dw, w_rounding, size.dw, real.dw),
            ("b", db, b_rounding, size.db, real.db),
        ):
            got, bound = got.reshape(want.shape), bound.reshape(want.shape) + rounding
            off = np.abs(got - want)
            assert (off <= bound + STEP).all(), (f"layer {i} {kind}", seed, off - bound)
            yield f"layer {i} {kind}", want.ravel(), bound.ravel()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("loss", fmt.LOSS_NAMES)
@pytest.mark.parametrize("size_of_means", [0, 0.1])
def test_gradients(name, loss, size_of_means):
    seen = {}
    for seed in range(1, 6):
        for where, want, bound in compare(name, loss, seed, size_of_means):
            # Whether a wrong sign would be noticed.
            seen.setdefault(where, []).extend(2 * np.abs(want) > bound)
    learning = [layer for layer in MODELS[name][1] if layer.has_weights and layer.trainable]
    assert len(seen) == 2 * len(learning)
    for where, noticed in seen.items():
        assert np.mean(noticed) > 0.25, f"{where}: the bounds say nothing"


def test_both_clip_deltas():
    """A delta of 2 changes biases like one of 1, in the output layer and below."""
    shape, layers = MODELS["dense linear"]
    settings = {"lr_mantissa": 16, "lr_shift": 8}
    buffer = images.build(C, shape, layers, "mse", ranges=([(0, 255)], [(-1, 1)]), **settings)
    model, floats = Image(buffer), FloatModel(buffer, np.float64)
    before = [in_real_units(model, i)[1] for i in range(2)]
    x, y = np.full(9, 127.5, np.float32), np.full(4, 2, np.float32)  # x: 0 to the layers
    hidden, output = floats.layers
    output.w[:] = 1  # of the floats alone: four deltas of 1 come down
    assert C.learn(buffer, x, y) == 1 and floats.learn(x, y)
    _, b, _, _ = in_real_units(model, 1)
    assert np.allclose(b - before[1], 1 / 16) and np.allclose(output.b - before[1], 1 / 16)
    assert np.allclose(hidden.b - before[0], 1 / 16)
