"""A trained network in floating point, on its way to a Model.

Its layers are those of tinyprop: maps are [row, column, channel], pools step by their window, an
activation belongs to the layer with weights below it. `fit` makes the Model: it folds the ranges
of x and y into the weights, sets these, and lets layers find formats, means and energies, from
which learning rates follow: at those of a network that knows nothing its first step would ruin it.
"""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import tinyprop as tp
from _tinyprop_numpy.plan import opened
from tinyprop_layers import _count

from .arrays import as_array

SHARED = 2  # times the noise of rounding x: what one range for all values may cost, a bit
MARGIN = 0.25  # of a range, which values to come may lie beyond those that were seen
STEPS = 1500  # that formats of activations take to find themselves (docs/numbers.md, Forward)
STILL = 2e-8  # the least learning rate, by which no weight moves
# Of the state of a layer, what it has found out about its inputs and outputs by then.
FOUND = "y_frac", "x_frac", "n_summed", "energy", "norm", "mean_shift"


class Unsupported(ValueError):
    """What no layer of tinyprop can do. Its text says what that is, and what to do."""


@contextmanager
def damage_told(what, *clear):
    """What is damaged fails anywhere, with an error of any kind: it becomes a ValueError that says
    `what` to do. clear: errors that say it themselves."""
    try:
        with np.errstate(all="ignore"):  # Network refuses what comes of it
            yield
    except (Unsupported, *clear):
        raise
    except Exception as error:
        raise ValueError(f"{what} ({type(error).__name__}: {error})") from error


def samples_of(x, shape, dtype=float):
    """x as an array of samples of this shape."""
    x = np.asarray(as_array("x", x), dtype)
    if x.shape[1:] != shape or len(x) == 0:
        expected = ", ".join(map(str, ("samples", *shape)))
        raise ValueError(f"x is of shape {x.shape}, expected ({expected})")
    if not np.isfinite(x).all():
        raise ValueError("x has values that are NaN or infinite: leave these samples away")
    return x


@dataclass
class Layer:
    """kind: dense, conv, depthwise, maxpool, avgpool, or globalavgpool.

    weights: [input, unit], [row, column, channel, filter] or [row, column, channel]. size: the
    window of a pool.
    """

    kind: str
    weights: np.ndarray | None = None
    bias: np.ndarray | None = None
    activation: str = "linear"
    size: tuple[int, int] = (0, 0)
    strides: tuple[int, int] = (1, 1)
    same: bool = False

    def scale(self, factor, shift=0.0):
        """Makes factor * z + shift of its sums z, both one number or one a unit."""
        self.weights, self.bias = self.weights * factor, self.bias * factor + shift

    def read_scaled(self, factor, shift):
        """Lets it read u in place of x = factor * u + shift, both one a value or channel."""
        axis = 0 if self.kind == "dense" else 2
        n = self.weights.shape[axis]
        shape = [n if i == axis else 1 for i in range(self.weights.ndim)]
        factor, shift = (np.resize(v, n).reshape(shape) for v in (factor, shift))
        self.bias = self.bias + (self.weights * shift).reshape(-1, len(self.bias)).sum(0)
        self.weights = self.weights * factor

    def tell_two_classes(self):
        """Gives a layer of one unit, the logit of the second class, a first one that is always 0:
        the softmax of both is the sigmoid of that one."""
        self.weights = np.hstack([np.zeros_like(self.weights), self.weights])
        self.bias = np.append(0, self.bias)

    def as_tinyprop(self, trainable):
        rest = {"activation": self.activation, "trainable": trainable}
        if self.kind == "dense":
            return tp.Dense(self.weights.shape[1], **rest)
        if self.kind == "globalavgpool":
            return tp.GlobalAvgPool2D()
        if self.weights is None:
            return (tp.MaxPool2D if self.kind == "maxpool" else tp.AvgPool2D)(self.size)
        rest |= {"strides": self.strides, "padding": "same" if self.same else "valid"}
        kernel = self.weights.shape[:2]
        if self.kind == "depthwise":
            return tp.DepthwiseConv2D(kernel, **rest)
        return tp.Conv2D(self.weights.shape[3], kernel, **rest)


@dataclass
class Network:
    """shape, loss: as Model has them."""

    shape: tuple[int, ...]
    layers: list[Layer]
    loss: str

    def __post_init__(self):
        weighted = [layer for layer in self.layers if layer.weights is not None]
        if not all(np.isfinite(v).all() for w in weighted for v in (w.weights, w.bias)):
            raise Unsupported("It has weights that are NaN or infinite: train it once more.")


def fit(network, x, outputs, trainable=None, **settings):
    """The Model of a network.

    x [samples, values]: in the order of the model, to choose ranges and formats by. outputs
    [samples, units]: those of the network in floating point. trainable: how many of the last
    layers with weights learn; None: all. settings: of Model.
    """
    x = np.asarray(x, np.float32).reshape(len(x), -1)
    settings["loss"] = network.loss
    settings["input_range"] = input_ranges(network, x)
    if network.loss == "mse":
        settings["output_range"] = output_ranges(outputs)
    measuring = {"lr": STILL, "policy": tp.Full(), "replay": 0}
    still = with_weights(network, trainable, settings | measuring)
    labels = outputs if network.loss == "mse" else np.zeros((len(x), 1))
    times = -(-STEPS // len(x))
    still.learn_many(np.tile(x, (times, 1)), formatted(np.tile(labels, (times, 1)), network.loss))
    model = with_weights(network, trainable, settings)
    for layer, found in zip(opened(model).layers, opened(still).layers, strict=True):
        for name in FOUND:
            setattr(layer.state, name, getattr(found.state, name))
        if layer.has_weights:
            layer.sums[...], layer.means[...] = found.sums, found.means
    return model


def formatted(y, loss):
    return np.ascontiguousarray(y, np.float32 if loss == "mse" else np.int32).ravel()


def with_weights(network, trainable, settings):
    weighted = [i for i, layer in enumerate(network.layers) if layer.weights is not None]
    n = len(weighted)
    learning = n if trainable is None else _count("trainable", trainable, most=n, least=0)
    learns = weighted[n - learning :]
    layers = [layer.as_tinyprop(i in learns) for i, layer in enumerate(network.layers)]
    model = tp.Model(network.shape, layers, **settings)
    copies = [replace(layer) for layer in network.layers]
    kept = [layer for layer in copies if layer.weights is not None]
    take_ranges(kept, opened(model))
    level(kept)
    for i, layer in enumerate(copies):
        if layer.weights is not None:
            model.set_weights(i, layer.weights, layer.bias)
    return model


# ---- ranges


def input_ranges(network, x):
    """(lo, hi) of each value, or of all of them if that costs the sums no more than a bit, as with
    pixels, of which some stay black. Where a convolution pads with zeros, 0 has to stay 0."""
    first = next(layer for layer in network.layers if layer.weights is not None)
    x = x.reshape(-1, network.shape[-1])
    lo, hi = x.min(0), x.max(0)
    width = hi - lo
    if first.kind != "dense" or shares_range(first.weights, lo, hi):
        lo, hi = lo.min(keepdims=True), hi.max(keepdims=True)
    else:
        lo, hi = lo - MARGIN * width, hi + MARGIN * width
    if first.same:
        hi = np.maximum(hi, -lo)
        lo = np.where(lo < 0, -hi, 0)
    return pairs(lo, np.where(hi > lo, hi, lo + widths(lo, hi)))


def shares_range(weights, lo, hi):
    """Whether rounding to a part of one range for all, in place of each value's own, adds little
    to the noise of the sums. weights: of a dense layer."""
    effect = np.linalg.norm(weights, axis=1)
    own = np.linalg.norm(effect * np.resize(hi - lo, len(effect)))
    together = hi.max() - lo.min()
    return np.linalg.norm(effect) * together <= SHARED * own


def output_ranges(outputs):
    lo, hi = outputs.min(0), outputs.max(0)
    width = widths(lo, hi)
    return pairs(lo - MARGIN * width, hi + MARGIN * width)


def widths(lo, hi):
    """Of ranges; of what float32 takes for a constant 1, or what float32 tells from it."""
    least = np.maximum(1, 8 * np.spacing(np.abs(lo).astype(np.float32)))
    return np.where(np.float32(hi) > np.float32(lo), hi - lo, least)


def pairs(lo, hi):
    return [(float(a), float(b)) for a, b in zip(lo, hi, strict=True)]


def take_ranges(weighted, model):
    """Folds the maps of x and y to the numbers of a model (docs/numbers.md, Numbers from outside)
    into its first and its last layer with weights."""
    lo, hi = (model.given[0][name].astype(float) for name in ("lo", "hi"))
    if model.bits == 12:
        unit, zero = (hi - lo) / 2, (hi + lo) / 2
    elif model.in_signed:
        unit, zero = (hi - lo) / 2 * 128 / 127, (hi + lo) / 2
    else:
        unit, zero = (hi - lo) * 256 / 255, lo
    weighted[0].read_scaled(unit, zero)
    if model.given[1] is not None:
        lo, hi = (model.given[1][name].astype(float) for name in ("lo", "hi"))
        weighted[-1].scale(2 / (hi - lo), -(hi + lo) / (hi - lo))


# ---- sizes of weights


def level(weighted):
    """Makes weights that are larger than those tinyprop starts with (docs/numbers.md, Weights) as
    large, and what comes from below as many times larger: relu lets factors through, so all that
    is computed stays. The rates that layers find suppose weights above of such a size."""
    for below, above in reversed(list(pairwise(weighted))):
        fan_in = above.weights.size / len(above.bias)
        factor = np.sqrt(np.mean(above.weights**2) * fan_in / 2)
        if factor > 1 and below.activation in ("relu", "linear"):
            above.weights = above.weights / factor
            below.scale(factor)
