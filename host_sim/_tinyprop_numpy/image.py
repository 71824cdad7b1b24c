"""A model in an image: spec and state as views of its bytes, and the plan as plain Python.

    model spec | layer specs | model state | layer states | ranges | weights, biases ...
    |<------- spec --------->|<------------------------ state ----------------------->|

That is all of an image here. The C core has its plan and scratch behind it; numpy makes what it
needs in each call.
"""

import numpy as np

from .format import (
    DEPTHWISE,
    LAYER_SPEC,
    LAYER_STATE,
    MODEL_SPEC,
    MODEL_STATE,
    RANGE,
)


class Refused(Exception):
    """Why a call was refused: an Error of format.py."""

    def __init__(self, error):
        super().__init__(error.name)
        self.error = error


def require(condition, error):
    if not condition:
        raise Refused(error)


class Record:
    """A structure in an image. Its fields are read once, as Python's numbers, which cannot
    overflow; a field that is set goes to the image too, modulo the width of the field."""

    def __init__(self, item):
        vars(self).update(zip(item.dtype.names, item.tolist(), strict=True), item=item)

    def __setattr__(self, name, value):
        fields = vars(self)
        if isinstance(value, int) and value == fields[name]:
            return
        field = self.item.dtype[name]
        self.item[name] = int(value) % (1 << 8 * field.itemsize) if field.kind == "u" else value
        fields[name] = self.item[name].tolist()


class Layer:
    """One layer: spec and state are Records. plan.py adds its shape, bounds, weights [fan_in,
    out_c] and biases; a forward pass adds x_frac, inputs and outputs.

    Weights: dense [input, unit]; convolution [(kernel row, column, channel), filter]; depthwise
    [(kernel row, column), channel].
    """

    def __init__(self, spec):
        self.spec = spec
        self.kind, self.activation = spec.kind, spec.activation
        self.trainable = bool(spec.trainable)

    @property
    def has_weights(self):
        return self.kind <= DEPTHWISE


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
    def weights_offset(self):
        n = self.spec.n_input_ranges + self.spec.n_output_ranges
        return self.ranges_offset + n * RANGE.itemsize

    def array(self, offset, dtype, n):
        return self.image[offset : offset + n * np.dtype(dtype).itemsize].view(dtype)

    def attach_state(self):
        """Makes views of all that is behind the spec; plan.py has worked out the shapes."""
        self.state = Record(self.array(self.state_offset, MODEL_STATE, 1)[0])
        states = self.array(
            self.state_offset + MODEL_STATE.itemsize, LAYER_STATE, len(self.layers)
        )
        n = self.spec.n_input_ranges
        ranges = [
            Record(item)
            for item in self.array(self.ranges_offset, RANGE, n + self.spec.n_output_ranges)
        ]
        self.ranges = ranges[:n], ranges[n:]  # of inputs, of outputs
        for layer, state in zip(self.layers, states, strict=True):
            layer.state = Record(state)
            if layer.has_weights:
                weights = self.array(layer.weights_offset, "<i2", layer.fan_in * layer.out_c)
                layer.weights = weights.reshape(layer.fan_in, layer.out_c)
                layer.biases = self.array(layer.biases_offset, "<i4", layer.out_c)

    @property
    def output(self):
        return self.layers[-1]
