"""Model images for tests, below the Python API. Only this file knows where a field lies.

A test makes models with spec() and build(), and reads or changes an image with Image.
"""

from dataclasses import dataclass

import _tinyprop
import _tinyprop_numpy
import numpy as np
from _tinyprop_numpy import format as fmt
from _tinyprop_numpy import plan, ranges
from _tinyprop_numpy.image import Refused
from headers import tp_layer_t

MAX_BIAS = fmt.MAX_BIAS
Error = fmt.Error
BACKENDS = {"c": _tinyprop.c_backend(), "numpy": _tinyprop_numpy}

PLAN = np.dtype(tp_layer_t)  # of a layer; the C core has it behind spec and state


def number(name):
    """The number of a kind, activation, loss or policy."""
    return getattr(fmt, name.upper())


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

    def spec(self):
        record = np.zeros(1, fmt.LAYER_SPEC)[0]
        record["kind"], record["activation"] = number(self.kind), number(self.activation)
        record["kernel_h"], record["kernel_w"] = self.kernel
        record["stride_h"], record["stride_w"] = self.stride
        for name in "units", "same", "trainable":
            record[name] = getattr(self, name)
        return record.tobytes()


def dense(units, activation="linear", trainable=1):
    return Layer("dense", units, activation=activation, trainable=trainable)


def spec(shape, layers, loss="crossentropy", policy="full", **settings):
    """The spec of a model, as a bytearray for layout(). settings: further fields."""
    model = Fields(np.zeros(1, fmt.MODEL_SPEC)[0])
    model.magic, model.version, model.n_layers = fmt.MAGIC, fmt.VERSION, len(layers)
    model.in_h, model.in_w, model.in_c = shape
    model.loss, model.policy = number(loss), number(policy)
    model.n_input_ranges = 1
    model.n_output_ranges = loss == "mse"
    model.s_max = model.zeta = 1 << 15
    model.lr_mantissa, model.lr_shift = 20, 10  # about 0.02
    for name, value in settings.items():
        setattr(model, name, value)
    return bytearray(model.bytes() + b"".join(layer.spec() for layer in layers))


class Fields:
    """Structures in an image, whose fields are read and written by name."""

    def __init__(self, *items):
        vars(self)["items"] = items

    def holder(self, name):
        for item in self.items:
            if name in item.dtype.names:
                return item
        raise AttributeError(name)

    def __getattr__(self, name):
        return self.holder(name)[name].tolist()

    def __setattr__(self, name, value):
        self.holder(name)[name] = value

    def names(self):
        return [name for item in self.items for name in item.dtype.names]

    def bytes(self):
        return b"".join(item.tobytes() for item in self.items)


class Image:
    """An image as large as layout() says. Fields are read when they are asked for; arrays are
    views.

    head has the fields of the model's spec and state; each of layers those of the layer's spec and
    state, and in an image of the C core those of its plan.
    """

    def __init__(self, buffer):
        self.bytes = np.frombuffer(buffer, np.uint8)
        self.twin, self.saved_bytes = plan.measure(self.bytes)  # as numpy sees it
        self.twin.attach_state()
        if all(map(ranges.has_width, sum(self.twin.ranges, []))):
            ranges.complete(self.twin)
        self.head = Fields(self.twin.spec.item, self.twin.state.item)
        plans = [()] * len(self.twin.layers)
        if len(self.bytes) > self.saved_bytes:
            plans = [(item,) for item in self.array(self.saved_bytes, PLAN, len(plans))]
        self.layers = [
            Fields(layer.spec.item, layer.state.item, *of_c)
            for layer, of_c in zip(self.twin.layers, plans, strict=True)
        ]

    def array(self, offset, dtype, n):
        return self.bytes[offset : offset + n * np.dtype(dtype).itemsize].view(dtype)

    def weights(self, layer):
        return self.twin.layers[layer].weights

    def biases(self, layer):
        return self.twin.layers[layer].biases

    def inputs(self, layer):
        """The inputs of a layer in the scratch of the C core."""
        return self.array(self.layers[layer].inputs, "<i2", self.layers[layer].n_in)

    def outputs(self, layer):
        return self.array(self.layers[layer].outputs, "<i2", self.layers[layer].n_out)

    def plan_offset(self, layer):
        return self.saved_bytes + layer * PLAN.itemsize

    @property
    def n_in(self):
        return self.twin.layers[0].n_in

    @property
    def n_out(self):
        return self.twin.output.n_out


def set_ranges(buffer, ends):
    """Writes (lo, hi) of each range, first of the inputs, then of the outputs, for init."""
    for r, (lo, hi) in zip(sum(Image(buffer).twin.ranges, []), ends, strict=True):
        r.lo, r.hi = lo, hi


def set_calibrating(buffer, samples):
    """Sets for how many samples the ranges of inputs and outputs are still widened."""
    Image(buffer).twin.state.calibrating = samples


def layout(backend, asked):
    """(bytes of an image of this spec or an error, shapes of the layers)"""
    shapes = np.zeros((int(asked[5]), 4), np.uint16)
    return backend.layout(asked, shapes), shapes


def new(backend, *arguments, ranges=None, calibrating=(0, 0), **settings):
    """An image as tinyprop.py gives it to init()."""
    asked = spec(*arguments, **settings)
    n_bytes, _ = layout(backend, asked)
    assert n_bytes > 0, n_bytes
    buffer = bytearray(n_bytes)
    buffer[: len(asked)] = asked
    set_calibrating(buffer, calibrating)
    if ranges:
        set_ranges(buffer, ranges)
    return buffer


def build(backend, *arguments, seed=1, **settings):
    """A whole image with its first weights."""
    buffer = new(backend, *arguments, **settings)
    assert backend.init(buffer, seed) == 0
    return buffer


def saved(buffer):
    """Spec and state: what a file holds, and what must be the same in both backends."""
    try:
        return bytes(buffer[: Image(buffer).saved_bytes])
    except Refused:
        return bytes(buffer)


def difference(one, two):
    """The differences between the spec and state of two images, in words."""
    a, b = Image(one), Image(two)
    found = []
    for i, (p, q) in enumerate(zip([a.head, *a.layers], [b.head, *b.layers], strict=True)):
        where = f"layer {i - 1}" if i else "model"
        for name in (name for item in p.items[:2] for name in item.dtype.names):
            if getattr(p, name) != getattr(q, name):
                found.append(f"{where}, {name}: {getattr(p, name)} and {getattr(q, name)}")
    for i, layer in enumerate(a.twin.layers):
        for part in ("weights", "biases") if layer.has_weights else ():
            p, q = getattr(a, part)(i), getattr(b, part)(i)
            if (p != q).any():
                found.append(f"layer {i}, {part}: {p.tolist()} and {q.tolist()}")
    pairs = zip(saved(one), saved(two), strict=True)
    at = [i for i, (p, q) in enumerate(pairs) if p != q]
    return "\n".join([*found, f"at bytes {at}"])
