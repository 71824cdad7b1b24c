"""Replay: some samples are remembered, and learned from again with each new one. A board that is
taught one class after the other would forget the first; and few samples go further.

What is remembered of a sample are the inputs of the lowest trained layer, in 8 bits, and its
label: what frozen layers below make of x does not change (latent replay, Pellegrini et al., arXiv
1912.01100). Each class has as many places as any other. When they are full a new sample takes the
place of a random one, with the probability that leaves each sample seen so far the same chance to
be there (reservoir sampling, Vitter 1985).
"""

from typing import NamedTuple

import numpy as np

from .format import MSE
from .random import next_random

MOST_SEEN = 65535


def shape(model):
    """(classes, numbers in a label); with mse all samples are of one class."""
    n_out = model.output.n_out
    return (1, n_out) if model.spec.loss == MSE else (n_out, 1)


def n_bytes(model):
    n_classes, label_size = shape(model)
    n_in = model.layers[model.first_trained].n_in
    return 2 * n_classes + model.spec.replay * (2 * label_size + n_in)


class Memory(NamedTuple):
    n_seen: np.ndarray  # [classes], samples of each so far
    labels: np.ndarray  # [places, numbers in a label]
    inputs: np.ndarray  # [places, n_in]


def memory(model):
    """Views of the image."""
    n_classes, label_size = shape(model)
    places, layer = model.spec.replay, model.layers[model.first_trained]
    labels = model.replay_offset + 2 * n_classes
    inputs = labels + 2 * places * label_size
    return Memory(
        model.array(model.replay_offset, "<u2", n_classes),
        model.array(labels, "<i2", places * label_size).reshape(places, -1),
        model.array(inputs, layer.means.dtype, places * layer.n_in).reshape(places, -1),
    )


def below(model, n):
    """0 <= random number < n."""
    model.state.random = next_random(model.state.random)
    return model.state.random % n


def remember(model, label):
    """The sample that was just learned from. All are forgotten when inputs get another format."""
    layer, kept = model.layers[model.first_trained], memory(model)
    if model.state.replay_frac != layer.x_frac:
        kept.n_seen[:] = 0
        model.state.replay_frac = layer.x_frac
    n_classes = len(kept.n_seen)
    n = model.spec.replay // n_classes
    c = 0 if n_classes == 1 else int(label[0])
    seen = int(kept.n_seen[c])
    place = seen if seen < n else below(model, seen + 1)
    kept.n_seen[c] = min(seen + 1, MOST_SEEN)
    if place < n:
        kept.labels[c * n + place] = label
        kept.inputs[c * n + place] = layer.inputs >> model.bits - 8


def recall(model):
    """(inputs of the lowest trained layer, label) of a random sample of a random class."""
    kept = memory(model)
    n = model.spec.replay // len(kept.n_seen)
    known = np.flatnonzero(kept.n_seen)
    c = int(known[below(model, len(known))])
    place = c * n + below(model, min(int(kept.n_seen[c]), n))
    return kept.inputs[place].astype(np.int64) << model.bits - 8, kept.labels[place].astype(
        np.int64
    )
