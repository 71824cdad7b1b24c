"""What the public API does not tell of a model, read out of its image.

Beside the specification and the oracle this is the one module that knows what is in an image. Work
is counted in multiply-accumulates (MACs).
"""

from typing import NamedTuple

import numpy as np
from _tinyprop_numpy import format as fmt
from _tinyprop_numpy import model as step
from _tinyprop_numpy import plan, ranges

VERSION = fmt.VERSION  # of files
KERNEL = "kernel_h", "kernel_w", "stride_h", "stride_w"
ASKED_FOR = "kind", "activation", "trainable", "same", *KERNEL, "units"


class Counters(NamedTuple):
    steps: int
    skipped: int
    macs_selected: int  # backward, for the deltas that the policy selected
    macs_done: int  # those of them that met no zero


def image(model):
    return model._image


def view(model):
    """Its image, by names; a field that is set there is set in the model."""
    return plan.opened(model)


def weighted(model):
    return [layer for layer in view(model).layers if layer.has_weights]


def counters(model):
    state = view(model).state
    return Counters(state.steps, state.skipped, state.macs_selected, state.macs_done)


# ---- what was asked for


def policy(model):
    """Its policy as numbers: (kind, s_min, s_max, zeta, skip)."""
    spec = view(model).spec
    return spec.policy, spec.s_min, spec.s_max, spec.zeta, spec.skip


def sorts(model):
    """Whether its policy looks for the largest deltas."""
    return view(model).spec.policy == fmt.TOPK


def layers(model):
    """The settings of each layer, by name."""
    return [
        {name: getattr(layer.spec, name) for name in ASKED_FOR} for layer in view(model).layers
    ]


def has_convolutions(model):
    return any(layer.kind != fmt.DENSE for layer in weighted(model))


def in_words(model):
    """Its layers."""
    kinds = {fmt.DENSE: "Dense {}", fmt.CONV: "Conv {}"}
    return ", ".join(kinds[layer.kind].format(layer.spec.units) for layer in view(model).layers)


# ---- the learning rate


def scale_rate(model, factor):
    """Multiplies the rates that a model's layers find; they stay below their bounds."""
    spec = view(model).spec
    model.lr = factor * spec.lr_mantissa / 2**spec.lr_shift  # as if it were given
    view(model).spec.auto_rate = 1


# ---- work


def macs(model):
    """MACs of a dense forward pass, and of a dense backward pass if all layers are trained."""
    forward = [layer.n_out * layer.fan_in for layer in weighted(model)]
    return sum(forward), 2 * sum(forward) - forward[0]


def nonzero_macs(model, x):
    """MACs of a forward pass with inputs that are not 0, the mean over the samples x. In a
    convolution each input counts as often as the mean of all."""
    opened, total = view(model), 0
    for sample in x:
        step.forward(opened, ranges.read_inputs(opened, sample)[0])
        for layer in opened.layers:
            if layer.has_weights:
                n = np.count_nonzero(layer.inputs)
                total += layer.n_out * layer.fan_in * n / layer.n_in
    return total / len(x)


def outputs(model):
    """How many outputs layers with weights have, and how many of them a backward pass visits."""
    opened = view(model)
    n_out = [layer.n_out * layer.has_weights for layer in opened.layers]
    return sum(n_out), sum(n_out[opened.first_trained :])


# ---- what was learned


def parameters(model):
    """Weights and biases, as bytes."""
    parts = (part for layer in weighted(model) for part in (layer.rows, layer.biases))
    return b"".join(part.tobytes() for part in parts)


OF_INPUTS = "n_summed", "energy", "norm", "x_frac", "mean_shift"


def transfer(model, learned):
    """Gives a model what another one of the same layers has learned."""
    new_model, old_model = view(model), view(learned)
    for new, old in zip(new_model.layers, old_model.layers, strict=True):
        new.state.w_frac, new.state.y_frac = old.state.w_frac, old.state.y_frac
        # The new layer starts the window that the old one is in.
        new.state.age = 1 << old.state.age.bit_length() - 1
        if new.has_weights:
            for name in OF_INPUTS:
                setattr(new.state, name, getattr(old.state, name))
            for name in "rows", "biases", "sums", "means":
                getattr(new, name)[:] = getattr(old, name)
    for new, old in zip(new_model.learned, old_model.learned, strict=True):
        if new is not None:
            new[:] = old
    new_model.state.n_seen = old_model.state.n_seen
