"""What the public API does not tell of a model, read out of its image.

The one module beside the oracle that knows what is in an image, by the views of the specification.
Work is counted in multiply-accumulates (MACs).
"""

from typing import NamedTuple

import numpy as np
from _tinyprop_numpy import format as fmt
from _tinyprop_numpy import model as step
from _tinyprop_numpy import plan, values

VERSION = fmt.VERSION  # of files
KERNEL = "kernel_h", "kernel_w", "stride_h", "stride_w"
ASKED_FOR = "kind", "activation", "trainable", "same", *KERNEL, "units"


class Counters(NamedTuple):
    steps: int
    skipped: int
    macs_selected: int  # backward, for the errors that the policy selected
    macs_done: int  # less those that met a zero


def image(model):
    return model._image


def view(model):
    """Its image, by names; what is set there is set in the model."""
    return plan.open_image(np.frombuffer(image(model), np.uint8))


def weighted(model):
    return [layer for layer in view(model).layers if layer.has_weights]


def counters(model):
    state = view(model).state
    return Counters(state.steps, state.skipped, state.macs_selected, state.macs_done)


# ---- what was asked for


def policy(model):
    """As the functions of tinyprop describe it: TopK(...) and so on."""
    spec = view(model).spec
    return spec.policy, spec.s_min, spec.s_max, spec.zeta, spec.skip


def sorts(model):
    """Whether its policy finds the largest errors."""
    return view(model).spec.policy == fmt.TOPK


def layers(model):
    """For each layer its settings, by name."""
    return [
        {name: getattr(layer.spec, name) for name in ASKED_FOR} for layer in view(model).layers
    ]


def has_convolutions(model):
    return any(layer.kind != fmt.DENSE for layer in weighted(model))


def in_words(model):
    """Its layers."""
    kinds = {fmt.DENSE: "Dense {}", fmt.CONV: "Conv {}"}
    return ", ".join(kinds[layer.kind].format(layer.spec.units) for layer in view(model).layers)


# ---- work


def macs(model):
    """Of a dense forward pass, and of a dense backward pass if all layers were trained."""
    forward = [layer.n_out * layer.fan_in for layer in weighted(model)]
    return sum(forward), 2 * sum(forward) - forward[0]


def nonzero_macs(model, x):
    """Of a forward pass with the inputs that are not 0, a mean over the samples x. In convolutions
    every input counts as often as the mean of all."""
    opened, total = view(model), 0
    for sample in x:
        step.forward(opened, values.read_inputs(opened, sample))
        for layer in opened.layers:
            if layer.has_weights:
                n = np.count_nonzero(layer.inputs)
                total += layer.n_out * layer.fan_in * n / layer.n_in
    return total / len(x)


def outputs(model):
    """How many the layers with weights have, and how many of them a backward pass visits."""
    opened = view(model)
    n_out = [layer.n_out * layer.has_weights for layer in opened.layers]
    return sum(n_out), sum(n_out[opened.first_trained :])


# ---- what was learned


def parameters(model):
    """Weights and biases, as bytes."""
    parts = (part for layer in weighted(model) for part in (layer.weights, layer.biases))
    return b"".join(part.tobytes() for part in parts)


def transfer(model, learned):
    """Gives a model what another one of the same layers has learned."""
    for new, old in zip(view(model).layers, view(learned).layers, strict=True):
        new.state.w_frac, new.state.y_frac = old.state.w_frac, old.state.y_frac
        # The window that the old one is in; the new one starts it again.
        new.state.age = 1 << old.state.age.bit_length() - 1
        if new.has_weights:
            new.weights[:] = old.weights
            new.biases[:] = old.biases
