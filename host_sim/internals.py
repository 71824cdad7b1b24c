"""What the public API does not tell of a model, read out of its image.

The one module beside the oracle that knows what is in an image, by the views of the specification.
Work is counted in multiply-accumulates (MACs).
"""

from typing import NamedTuple

import numpy as np
from _tinyprop_numpy import image as im

VERSION = im.VERSION  # of files
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
    return im.Model(np.frombuffer(image(model), np.uint8))


def weighted(model):
    return [layer for layer in view(model).layers if layer.has_weights]


def counters(model):
    head = view(model).head
    return Counters(head.steps, head.skipped, head.macs_kept, head.macs_done)


# ---- what was asked for


def policy(model):
    """As the functions of tinyprop describe it: TopK(...) and so on."""
    head = view(model).head
    return head.policy, head.s_min, head.s_max, head.zeta, head.skip


def sorts(model):
    """Whether its policy finds the largest errors."""
    return view(model).head.policy == im.TOPK


def layers(model):
    """For each layer its settings, by name."""
    return [{name: getattr(layer, name) for name in ASKED_FOR} for layer in view(model).layers]


def has_convolutions(model):
    return any(layer.kind != im.DENSE for layer in weighted(model))


def in_words(model):
    """Its layers."""
    kinds = {im.DENSE: "Dense {}", im.CONV: "Conv {}"}
    return ", ".join(kinds[layer.kind].format(layer.units) for layer in view(model).layers)


# ---- work


def macs(model):
    """Of a dense forward pass, and of a dense backward pass if all layers were trained."""
    forward = [layer.n_out * layer.fan_in for layer in weighted(model)]
    return sum(forward), 2 * sum(forward) - forward[0]


def nonzero_macs(model, x):
    """Of a forward pass with the inputs that are not 0, a mean over the samples x. In convolutions
    every input counts as often as the mean of all."""
    total = 0
    for sample in x:
        model.predict(sample)
        for layer in weighted(model):
            dense = layer.kind == im.DENSE
            n = layer.n_nonzero if dense else np.count_nonzero(view(model).inputs(layer))
            total += layer.n_out * layer.fan_in * n / layer.n_in
    return total / len(x)


def outputs(model):
    """How many the layers with weights have, and how many of them a backward pass visits."""
    n_out = [layer.n_out * layer.has_weights for layer in view(model).layers]
    return sum(n_out), sum(n_out[view(model).head.first_trained :])


# ---- what was learned


def parameters(model):
    """Weights and biases, as bytes."""
    opened = view(model)
    parts = (f(layer) for layer in weighted(model) for f in (opened.weights, opened.biases))
    return b"".join(part.tobytes() for part in parts)


def transfer(model, learned):
    """Gives a model what another one of the same layers has learned."""
    target, source = view(model), view(learned)
    for new, old in zip(target.layers, source.layers, strict=True):
        window = 1 << old.age.bit_length() - 1  # the one that old is in; new starts it again
        new.fw, new.fy, new.age = old.fw, old.fy, window
        if new.has_weights:
            target.weights(new)[:] = source.weights(old)
            target.biases(new)[:] = source.biases(old)
