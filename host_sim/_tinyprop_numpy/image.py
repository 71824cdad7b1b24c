"""A model in an image: spec and state as views of its bytes, and the plan as plain Python.

    model spec | layer specs | model state | layer states | ranges | weights .. | tally | replay
    |<------- spec --------->|<--------------------------- state --------------------------->|

That is all of an image here. The C core has its plan and scratch behind it; numpy makes what it
needs in each call.
"""

import numpy as np

from .activation import HAS_SIGN
from .format import (
    DENSE,
    DEPTHWISE,
    LAYER_SPEC,
    LAYER_STATE,
    LEARNED_RANGE,
    MODEL_SPEC,
    MODEL_STATE,
    MOST_MEANS,
    MSE,
    RANGE,
)

HELD, IN_CALL = 1, 2  # spec.busy of a model that hold() has, and of one that a call has


class Refused(Exception):
    """Why a call was refused: an Error of format.py."""

    def __init__(self, error):
        super().__init__(error.name)
        self.error = error


def require(condition, error):
    if not condition:
        raise Refused(error)


def plain(value):
    """An array of a structure as a list; a number as it is."""
    return value.tolist() if isinstance(value, np.ndarray) else value


class Record:
    """A structure in an image. Its fields are read once, as Python's numbers, which cannot
    overflow; a field that is set goes to the image too, modulo the width of the field."""

    def __init__(self, item):
        fields = zip(item.dtype.names, item.item(), strict=True)
        vars(self).update({name: plain(value) for name, value in fields}, item=item)

    def __setattr__(self, name, value):
        fields = vars(self)
        if isinstance(value, int) and value == fields[name]:
            return
        field = self.item.dtype[name]
        self.item[name] = int(value) % (1 << 8 * field.itemsize) if field.kind == "u" else value
        fields[name] = self.item[name].tolist()


class Layer:
    """One layer: spec and state are Records. plan.py adds its shape and bounds; attach_state its
    weights [fan_in, out_c], biases, and the sums and means of its inputs; a forward pass x_frac,
    inputs and outputs; rate.py its learning rate.

    Weights: dense [input, unit]; convolution [(kernel row, column, channel), filter]; depthwise
    [(kernel row, column), channel]. Behind those of a dense layer is one more row, its slopes;
    `rows` has both. sums, means: of each channel of a map, or of each input.

    maximum: the one directly above a convolution, or None. A convolution below a maximum has a
    delta for each window of it, in the order of the maximum's outputs, as only the first largest
    pixel of a window has a part in the loss.
    """

    def __init__(self, spec):
        self.spec = spec
        self.kind, self.activation = spec.kind, spec.activation
        self.trainable = bool(spec.trainable)

    @property
    def has_weights(self):
        return self.kind <= DEPTHWISE

    @property
    def n_rows(self):
        return self.fan_in + (self.kind == DENSE)

    @property
    def n_means(self):
        by_channel = self.of_map and (self.kind != DENSE or self.n_in > MOST_MEANS)
        return self.in_c if by_channel else self.n_in

    @property
    def with_deltas(self):
        """The layer whose outputs the deltas belong to: itself, or its maximum."""
        return self.maximum or self

    @property
    def n_deltas(self):
        return self.with_deltas.n_out


class Model:
    """Spec, state, layers and ranges in an image, of which only the spec need be there; state,
    ranges and weights can be used after attach_state."""

    def __init__(self, image):
        self.image = image
        self.spec = Record(self.array(0, MODEL_SPEC, 1)[0])
        specs = self.array(MODEL_SPEC.itemsize, LAYER_SPEC, self.spec.n_layers)
        self.layers = [Layer(Record(spec)) for spec in specs]

    @property
    def state_offset(self):
        return MODEL_SPEC.itemsize + self.spec.n_layers * LAYER_SPEC.itemsize

    @property
    def ranges_offset(self):
        return self.state_offset + MODEL_STATE.itemsize + self.spec.n_layers * LAYER_STATE.itemsize

    @property
    def ranges_are(self):
        """(type, number) of the ranges of inputs and of outputs: given ones, or one for each
        channel and each output of mse that are learned."""
        spec = self.spec
        n_outputs = self.output.spec.units if spec.loss == MSE else 0
        of_both = (spec.n_input_ranges, spec.in_c), (spec.n_output_ranges, n_outputs)
        return [(RANGE, given) if given else (LEARNED_RANGE, n) for given, n in of_both]

    @property
    def weights_offset(self):
        return self.ranges_offset + sum(kind.itemsize * n for kind, n in self.ranges_are)

    def array(self, offset, dtype, n):
        return self.image[offset : offset + n * np.dtype(dtype).itemsize].view(dtype)

    def attach_state(self):
        """Makes views of all that is behind the spec; plan.py has worked out the shapes."""
        self.state = Record(self.array(self.state_offset, MODEL_STATE, 1)[0])
        states = self.array(
            self.state_offset + MODEL_STATE.itemsize, LAYER_STATE, len(self.layers)
        )
        self.given, self.learned = [None, None], [None, None]  # ranges of inputs, of outputs
        at = self.ranges_offset
        for which, (kind, n) in enumerate(self.ranges_are):
            ranges = self.given if kind is RANGE else self.learned
            ranges[which] = self.array(at, kind, n) if n else None
            at += n * kind.itemsize
        for layer, state in zip(self.layers, states, strict=True):
            layer.state = Record(state)
            if layer.has_weights:
                rows = self.array(layer.weights_offset, "<i2", layer.n_rows * layer.out_c)
                layer.rows = rows.reshape(-1, layer.out_c)
                layer.weights, layer.slopes = layer.rows[: layer.fan_in], layer.rows[-1]
                layer.biases = self.array(layer.biases_offset, "<i4", layer.out_c)
                layer.sums = self.array(layer.sums_offset, "<u2", layer.n_means)
                layer.means = self.array(layer.means_offset, "<u1", layer.n_means)

        self.tally = self.array(self.tally_offset, "<u4", self.output.n_out)  # progress.py

    def copy_back(self):
        """In a call the image is a copy; the caller's gets what this one holds by now, at once."""
        self.original[:] = self.image

    def set_signs(self):
        """Where inputs may be below 0, so may their sums and means."""
        is_signed = self.in_signed
        for layer in self.layers:
            layer.x_signed = is_signed
            if layer.has_weights:
                layer.sums = layer.sums.view("<i2" if is_signed else "<u2")
                layer.means = layer.means.view("<i1" if is_signed else "<u1")
                is_signed = HAS_SIGN[layer.activation]

    @property
    def output(self):
        return self.layers[-1]
