"""Model images for tests, below the Python API. Only this file knows where a field lies.

A test makes models with spec() and build(), and reads or changes an image with Image.
"""

from contextlib import suppress
from dataclasses import dataclass

import _tinyprop
import _tinyprop_numpy
import numpy as np
from _tinyprop_numpy import format as fmt
from _tinyprop_numpy import plan, ranges, replay
from _tinyprop_numpy.image import Refused
from headers import tp_layer_t

MAX_BIAS = fmt.MAX_BIAS
Error = fmt.Error
BYTES = [(0, 255)], []  # ranges of a model with classes, whose inputs are bytes as they stand
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


def spec(shape, layers, loss="crossentropy", policy="full", ranges=((), ()), **settings):
    """The spec of a model, as a bytearray for layout(). ranges: the (lo, hi) that are given, of
    inputs and of outputs; without, they are learned. settings: further fields."""
    model = Fields(np.zeros(1, fmt.MODEL_SPEC)[0])
    model.magic, model.version, model.n_layers = fmt.MAGIC, fmt.VERSION, len(layers)
    model.in_h, model.in_w, model.in_c = shape
    model.loss, model.policy = number(loss), number(policy)
    model.n_input_ranges, model.n_output_ranges = map(len, ranges)
    model.s_max = model.zeta = 1 << 15
    model.lr_mantissa, model.lr_shift = 20, 10  # about 0.02
    for name, value in settings.items():
        setattr(model, name, value)
    return bytearray(model.bytes() + b"".join(layer.spec() for layer in layers))


class Fields:
    """Structures in an image, whose fields are read and written by name; the first one that has
    the name counts."""

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

    def bytes(self):
        return b"".join(item.tobytes() for item in self.items)


class Image:
    """An image as large as layout() says. Fields are read when they are asked for; arrays are
    views.

    head has the fields of the model's spec and state; each of layers those of the layer's spec, in
    an image of the C core those of its plan, and those of its state.
    """

    def __init__(self, buffer):
        self.bytes = np.frombuffer(buffer, np.uint8)
        self.twin, self.saved_bytes = plan.measure(self.bytes)  # as numpy sees it
        self.twin.attach_state()
        with suppress(Refused):  # ranges that are still to be given
            ranges.complete(self.twin)
        self.twin.set_signs()
        self.head = Fields(self.twin.spec.item, self.twin.state.item)
        plans = [()] * len(self.twin.layers)
        if len(self.bytes) > self.saved_bytes:
            plans = [(item,) for item in self.array(self.saved_bytes, PLAN, len(plans))]
        self.layers = [
            Fields(layer.spec.item, *of_c, layer.state.item)
            for layer, of_c in zip(self.twin.layers, plans, strict=True)
        ]

    def array(self, offset, dtype, n):
        return self.bytes[offset : offset + n * np.dtype(dtype).itemsize].view(dtype)

    def weights(self, layer):
        return self.twin.layers[layer].weights

    def slopes(self, layer):
        return self.twin.layers[layer].slopes

    def biases(self, layer):
        return self.twin.layers[layer].biases

    def sums(self, layer):
        """What the means of a layer's inputs come from."""
        return self.twin.layers[layer].sums

    def means(self, layer):
        return self.twin.layers[layer].means

    def learned(self, which):
        """Ranges that are learned, as an array of records; of the inputs (0), the outputs (1)."""
        return self.twin.learned[which]

    def inputs(self, layer):
        """The inputs of a layer in the scratch of the C core."""
        plan = self.layers[layer]
        return self.values(plan.inputs, plan.n_in, plan.reads_map, plan.x_signed)

    def outputs(self, layer):
        plan, signed = self.layers[layer], self.layers[layer + 1].x_signed
        return self.values(plan.outputs, plan.n_out, plan.gives_map, signed)

    def values(self, offset, n, is_map, signed):
        """Values between layers: bytes of a map, else int16."""
        kind = ("<i1" if signed else "<u1") if is_map else "<i2"
        return self.array(offset, kind, n)

    def plan_offset(self, layer):
        return self.saved_bytes + layer * PLAN.itemsize

    @property
    def n_in(self):
        return self.twin.layers[0].n_in

    @property
    def n_out(self):
        return self.twin.output.n_out


def set_ranges(buffer, ranges):
    """Writes the (lo, hi) that are given, for init."""
    for given, ends in zip(Image(buffer).twin.given, ranges, strict=True):
        if ends:
            given[:] = ends


def layout(backend, asked):
    """(bytes of an image of this spec or an error, shapes of the layers)"""
    shapes = np.zeros((int(asked[5]), 7), np.uint32)
    return backend.layout(asked, shapes), shapes


def new(backend, *arguments, ranges=((), ()), **settings):
    """An image as tinyprop.py gives it to init()."""
    asked = spec(*arguments, ranges=ranges, **settings)
    n_bytes, _ = layout(backend, asked)
    assert n_bytes > 0, n_bytes
    buffer = bytearray(n_bytes)
    buffer[: len(asked)] = asked
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
        for u, v in zip((p.items[0], p.items[-1]), (q.items[0], q.items[-1]), strict=True):
            for name in u.dtype.names:
                if u[name].tolist() != v[name].tolist():
                    found.append(f"{where}, {name}: {u[name]} and {v[name]}")
    parts = [("ranges of inputs", *(i.learned(0) for i in (a, b)))]
    parts += [("ranges of outputs", *(i.learned(1) for i in (a, b)))]
    for i, layer in enumerate(a.twin.layers):
        for part in ("weights", "slopes", "biases", "sums", "means") if layer.has_weights else ():
            parts.append((f"layer {i}, {part}", *(getattr(image, part)(i) for image in (a, b))))
    parts.append(("tally", a.twin.tally, b.twin.tally))
    if a.twin.spec.replay:
        memories = map(replay.memory, (a.twin, b.twin))
        parts += zip(replay.Memory._fields[1:], *(memory[1:] for memory in memories), strict=True)
    for name, p, q in parts:
        if p is not None and (p != q).any():
            found.append(f"{name}: {p.tolist()} and {q.tolist()}")
    pairs = zip(saved(one), saved(two), strict=True)
    at = [i for i, (p, q) in enumerate(pairs) if p != q]
    return "\n".join([*found, f"at bytes {at}"])
