"""Model images for tests, below the Python API. Only this file knows where a field lies.

A test says what it wants with spec() and build(), looks at an image, or changes it, with Image.
"""

from dataclasses import dataclass

import _tinyprop
import _tinyprop_numpy
import numpy as np
from _tinyprop_numpy import format, plan
from _tinyprop_numpy.format import MAX_BIAS, MAX_VALUES, Error  # noqa: F401
from _tinyprop_numpy.image import Model

BACKENDS = {"c": _tinyprop.c_backend(), "numpy": _tinyprop_numpy}


def number(name):
    """Of a kind, activation, loss or policy."""
    return getattr(format, name.upper())


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

    def bytes(self):
        record = np.zeros(1, format.LAYER_SPEC)[0]
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
    model = Fields(np.zeros(1, format.MODEL_SPEC)[0])
    model.magic, model.version, model.n_layers = format.MAGIC, format.VERSION, len(layers)
    model.in_h, model.in_w, model.in_c = shape
    model.loss, model.policy = number(loss), number(policy)
    model.n_input_ranges, model.n_output_ranges = 1, loss == "mse"
    model.s_max = model.zeta = 1 << 15
    model.lr_mantissa, model.lr_shift = 20, 10  # about 0.02
    for name, value in settings.items():
        setattr(model, name, value)
    return bytearray(model.items[0].tobytes() + b"".join(layer.bytes() for layer in layers))


def layout(backend, asked):
    """(bytes of an image or an error, (height, width, channels, products) of each layer)"""
    shapes = np.zeros((Model(np.frombuffer(asked, np.uint8)).spec.n_layers, 4), "<u2")
    return backend.layout(asked, shapes), shapes.tolist()


def build(backend, *arguments, seed=1, ranges=None, calibrating=(0, 0), **settings):
    """A whole image with its first weights."""
    asked = spec(*arguments, **settings)
    n_bytes, _ = layout(backend, asked)
    assert n_bytes > 0, n_bytes
    buffer = bytearray(n_bytes)
    buffer[: len(asked)] = asked
    give(buffer, ranges, calibrating)
    assert backend.init(buffer, seed) == 0
    return buffer


def give(buffer, ranges, calibrating):
    """What a user gives of the state of a new image: (lo, hi) of each range of the inputs, then
    of the outputs, and how many samples are to widen them."""
    model = Model(np.frombuffer(buffer, np.uint8))
    model.array(model.state_offset, format.MODEL_STATE, 1)["calibrating"] = calibrating
    if ranges is not None:
        model.array(model.ranges_offset, format.RANGE, len(ranges))[:] = ranges


def set_rate(buffer, mantissa, shift):
    model = Model(np.frombuffer(buffer, np.uint8)).spec
    model.lr_mantissa, model.lr_shift = mantissa, shift


class Fields:
    """Structures, of numpy or ctypes, whose fields are read and written by name."""

    def __init__(self, *items):
        vars(self)["items"] = items

    def holder(self, name):
        for item in self.items:
            if hasattr(item, "dtype") and name in item.dtype.names or hasattr(item, name):
                return item
        raise AttributeError(name)

    def __getattr__(self, name):
        item = self.holder(name)
        return item[name].tolist() if hasattr(item, "dtype") else getattr(item, name)

    def __setattr__(self, name, value):
        item = self.holder(name)
        if hasattr(item, "dtype"):
            item[name] = value
        else:
            setattr(item, name, value)

    def names(self):
        return [name for item in self.items for name in item.dtype.names]


class Image:
    """A model in an image. What is read is what is there now; arrays are views."""

    def __init__(self, buffer):
        self.buffer = buffer
        model = self.twin()
        self.model = Fields(model.spec.item, model.state.item)
        self.layers = [Fields(layer.spec.item, layer.state.item) for layer in model.layers]
        self.n_in, self.n_out = model.layers[0].n_in, model.output.n_out

    def twin(self):
        """The numpy backend's model of it."""
        return plan.open_image(np.frombuffer(self.buffer, np.uint8))

    def weights(self, layer):
        return self.twin().layers[layer].weights

    def biases(self, layer):
        return self.twin().layers[layer].biases

    def ranges(self, which):
        """(lo, hi) of the ranges of the inputs (0) or outputs (1)."""
        return [(r.lo, r.hi) for r in self.twin().ranges[which]]


def saved(buffer):
    """What a file holds of a model, which both backends agree on; before init: the spec."""
    model = Model(np.frombuffer(buffer, np.uint8))
    return bytes(buffer[: model.spec.saved_bytes or model.state_offset])


def difference(one, two):
    """In words, what differs between two images of the same spec."""
    a, b = Image(one), Image(two)
    found = []
    for i, (p, q) in enumerate(zip([a.model, *a.layers], [b.model, *b.layers], strict=True)):
        where = f"layer {i - 1}" if i else "model"
        for name in p.names():
            if getattr(p, name) != getattr(q, name):
                found.append(f"{where}, {name}: {getattr(p, name)} and {getattr(q, name)}")
    for which in 0, 1:
        if a.ranges(which) != b.ranges(which):
            found.append(f"ranges: {a.ranges(which)} and {b.ranges(which)}")
    for i, layer in enumerate(a.twin().layers):
        for part in ("weights", "biases") if layer.has_weights else ():
            p, q = getattr(a, part)(i), getattr(b, part)(i)
            if (p != q).any():
                found.append(f"layer {i}, {part}: {p.tolist()} and {q.tolist()}")
    return "\n".join(found)
