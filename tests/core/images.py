"""Model images for tests, below the Python API. Only this file knows where a field lies.

A test says what it wants with spec() and build(), looks at an image, or changes it, with Image.
"""

from dataclasses import dataclass

import _tinyprop
import _tinyprop_numpy
import numpy as np
from _tinyprop_numpy import image as im

MAX_BIAS = im.MAX_BIAS
Error = im.Error
BACKENDS = {"c": _tinyprop.c_backend(), "numpy": _tinyprop_numpy}
STRUCTURES = {"tp_model_t": im.HEAD, "tp_layer_t": im.LAYER, "tp_range_t": im.RANGE}

# Field names that tests use, and what they are called so far.
NAMES = {
    "lr_mantissa": "lr_m",
    "lr_shift": "lr_n",
    "n_input_ranges": "n_in_ranges",
    "n_output_ranges": "n_out_ranges",
    "calibrating": "learn_ranges",
    "w_frac": "fw",
    "x_frac": "fx",
    "y_frac": "fy",
    "headroom": "room",
    "dead_steps": "quiet",
    "residual": "carry",
    "macs_selected": "macs_kept",
}


def number(name):
    """Of a kind, activation, loss or policy."""
    return getattr(im, name.upper())


@dataclass(frozen=True)
class Layer:
    kind: str
    units: int = 0
    kernel: tuple = (0, 0)
    stride: tuple = (1, 1)
    same: int = 0
    activation: str = "linear"
    trainable: int = 1

    @property
    def has_weights(self):
        return self.kind in ("dense", "conv", "depthwise")

    def record(self):
        record = np.zeros(1, im.LAYER)[0]
        record["kind"], record["activation"] = number(self.kind), number(self.activation)
        record["kernel_h"], record["kernel_w"] = self.kernel
        record["stride_h"], record["stride_w"] = self.stride
        for name in "units", "same", "trainable":
            record[name] = getattr(self, name)
        return record.tobytes()


def dense(units, activation="linear", trainable=1):
    return Layer("dense", units, activation=activation, trainable=trainable)


def spec(shape, layers, loss="crossentropy", policy="full", **settings):
    """What is asked for, as a bytearray that layout() takes. settings: further fields."""
    head = Fields(np.zeros(1, im.HEAD)[0])
    head.magic, head.version, head.n_layers = im.MAGIC, im.VERSION, len(layers)
    head.in_h, head.in_w, head.in_c = shape
    head.loss, head.policy = number(loss), number(policy)
    head.n_input_ranges = 1
    head.n_output_ranges = loss == "mse"
    head.s_max = head.zeta = 1 << 15
    head.lr_mantissa, head.lr_shift = 20, 10  # about 0.02
    for name, value in settings.items():
        setattr(head, name, value)
    return bytearray(head.bytes() + b"".join(layer.record() for layer in layers))


class Fields:
    """Structures of an image whose fields are read and written by name."""

    def __init__(self, *items):
        vars(self)["items"] = items

    def holder(self, name):
        name = NAMES.get(name, name)
        for item in self.items:
            if name in item.dtype.names:
                return item, name
        raise AttributeError(name)

    def __getattr__(self, name):
        item, name = self.holder(name)
        return item[name].tolist()

    def __setattr__(self, name, value):
        item, name = self.holder(name)
        item[name] = value

    def names(self):
        return [name for item in self.items for name in item.dtype.names]

    def bytes(self):
        return b"".join(item.tobytes() for item in self.items)


class Image:
    """An image that has been laid out. What is read is what is there now; arrays are views."""

    def __init__(self, buffer):
        self.twin = im.Model(np.frombuffer(buffer, np.uint8))  # as the numpy backend sees it
        self.head = Fields(self.twin.head.item)
        self.layers = [Fields(layer.item) for layer in self.twin.layers]

    def weights(self, layer):
        return self.twin.weights(self.twin.layers[layer])

    def biases(self, layer):
        return self.twin.biases(self.twin.layers[layer])

    def inputs(self, layer):
        return self.twin.inputs(self.twin.layers[layer])

    def outputs(self, layer):
        return self.twin.outputs(self.twin.layers[layer])

    def offset(self, layer):
        """Of a layer's record."""
        return im.HEAD.itemsize + layer * im.LAYER.itemsize

    def sums(self, n):
        """Where a forward pass leaves its sums."""
        return self.twin.array(self.head.buffer[0], "<i4", n)

    @property
    def n_in(self):
        return self.layers[0].n_in

    @property
    def n_out(self):
        return self.layers[-1].n_out


def set_ranges(buffer, ends):
    """Writes (lo, hi) of each range of the inputs, then of the outputs; init makes use of them."""
    twin = Image(buffer).twin
    for r, (lo, hi) in zip(twin.ranges(0) + twin.ranges(1), ends, strict=True):
        r.lo, r.hi = lo, hi


def build(backend, *arguments, seed=1, ranges=None, **settings):
    """A whole image with its first weights."""
    asked = spec(*arguments, **settings)
    n_bytes = backend.layout(asked)
    assert n_bytes > 0, n_bytes
    buffer = bytearray(n_bytes)
    buffer[: len(asked)] = asked
    if ranges:
        set_ranges(buffer, ranges)
    assert backend.init(buffer, seed) == 0
    return buffer


def saved(buffer):
    """What a file holds of a model."""
    return bytes(buffer[: Image(buffer).head.n_saved])


def comparable(buffer):
    """What is the same in both backends; behind it lies what means nothing between two calls."""
    return bytes(buffer[: Image(buffer).head.work or len(buffer)])


def difference(one, two):
    """In words, what differs between two images of the same spec, as far as it is comparable."""
    a, b = Image(one), Image(two)
    found = []
    for i, (p, q) in enumerate(zip([a.head, *a.layers], [b.head, *b.layers], strict=True)):
        where = f"layer {i - 1}" if i else "model"
        for name in p.names():
            if getattr(p, name) != getattr(q, name):
                found.append(f"{where}, {name}: {getattr(p, name)} and {getattr(q, name)}")
    for i in range(len(a.layers)):
        for part in "weights", "biases":
            p, q = getattr(a, part)(i), getattr(b, part)(i)
            if (p != q).any():
                found.append(f"layer {i}, {part}: {p.tolist()} and {q.tolist()}")
    pairs = zip(comparable(one), comparable(two), strict=True)
    at = [i for i, (p, q) in enumerate(pairs) if p != q]
    return "\n".join([*found, f"at bytes {at}"])
