"""Replay: some samples are remembered, and learned from again with each new one. A board that is
taught one class after the other would forget the first; and few samples go further.

What is remembered of a sample are the inputs of the lowest trained layer, in 8 bits, and its
label: what frozen layers below make of x does not change (latent replay, Pellegrini et al., arXiv
1912.01100). Each class has as many places as any other. When they are full a new sample takes the
place of a random one, with the probability that leaves each sample seen so far the same chance to
be there (reservoir sampling, Vitter 1985).

Where ranges are learned, what is remembered follows them: maps say by which ones it came to be.
"""

from typing import NamedTuple

import numpy as np

from .centre import byte_unit, largest_mean
from .fixed import rshift_round, rshift_round_sat, saturate
from .format import CROSSENTROPY, LEARNED_RANGE, MSE
from .random import next_random
from .values import SATURATED

MOST_SEEN = 65535
FAR = 2**32 - 1  # more than any distance there can be
MAP = np.dtype([("zero", "<i4"), ("frac", "<i2"), ("shift", "<i2")])


def shape(model):
    """(classes, numbers in a label); with mse all samples are of one class."""
    n_out = model.output.n_out
    return (1, n_out) if model.spec.loss == MSE else (n_out, 1)


def n_maps(model):
    """How many learned ranges there are of remembered inputs and of labels. Inputs follow their
    ranges if only pools are below."""
    (kind, n_inputs), (kind_of_outputs, n_outputs) = model.ranges_are
    is_lowest = not any(layer.has_weights for layer in model.layers[: model.first_trained])
    return (
        n_inputs if kind is LEARNED_RANGE and is_lowest else 0,
        n_outputs if kind_of_outputs is LEARNED_RANGE else 0,
    )


def n_bytes(model):
    n_classes, label_size = shape(model)
    n_in = model.layers[model.first_trained].n_in
    of_samples = model.spec.replay * (2 * label_size + n_in)
    return MAP.itemsize * sum(n_maps(model)) + 2 * n_classes + of_samples


class Memory(NamedTuple):
    maps: tuple  # of the learned ranges of inputs, and of labels
    n_seen: np.ndarray  # [classes], samples of each so far
    labels: np.ndarray  # [places, numbers in a label]
    inputs: np.ndarray  # [places, n_in]


def memory(model):
    """Views of the image."""
    n_classes, label_size = shape(model)
    places, layer = model.spec.replay, model.layers[model.first_trained]
    of_inputs, of_labels = n_maps(model)
    maps = model.array(model.replay_offset, MAP, of_inputs + of_labels)
    n_seen = model.replay_offset + maps.nbytes
    labels = n_seen + 2 * n_classes
    inputs = labels + 2 * places * label_size
    return Memory(
        (maps[:of_inputs], maps[of_inputs:]),
        model.array(n_seen, "<u2", n_classes),
        model.array(labels, "<i2", places * label_size).reshape(places, -1),
        model.array(inputs, layer.means.dtype, places * layer.n_in).reshape(places, -1),
    )


def converted(numbers, old, now, frac, limit):
    """Numbers in Q.frac of the old map, by that of the range as it is now."""
    zero, zero_frac, shift = old.item()
    zero_now, frac_now, shift_now = now.item()
    above = rshift_round_sat(numbers, frac - shift, SATURATED // 2)
    value = rshift_round_sat(above + zero, zero_frac - frac_now, SATURATED)
    return rshift_round_sat(value - zero_now, shift_now - frac, limit)


def follow_ranges(model, kept):
    """What is remembered follows the learned ranges."""
    parts = (kept.inputs, 6, 127), (kept.labels, 14, 32767)
    for maps, learned, (numbers, frac, limit) in zip(kept.maps, model.learned, parts, strict=True):
        for i in range(len(maps)):
            now = learned[i : i + 1][list(MAP.names)].astype(MAP)[0]
            if maps[i] != now:
                of_range = numbers[:, i :: len(maps)]
                of_range[:] = converted(of_range, maps[i], now, frac, limit)
                maps[i] = now


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
    follow_ranges(model, kept)
    n_classes = len(kept.n_seen)
    n = model.spec.replay // n_classes
    c = 0 if n_classes == 1 else int(label[0])
    seen = int(kept.n_seen[c])
    place = seen if seen < n else below(model, seen + 1)
    kept.n_seen[c] = min(seen + 1, MOST_SEEN)
    if place < n:
        kept.labels[c * n + place] = label
        kept.inputs[c * n + place] = as_bytes(model, layer)


def as_bytes(model, layer):
    """The inputs of the lowest trained layer as they are remembered, in 8 bits."""
    return saturate(rshift_round(layer.inputs, byte_unit(model)), largest_mean(layer))


def recall(model):
    """(inputs of the lowest trained layer, label) of a random sample of a random class."""
    kept = memory(model)
    n = model.spec.replay // len(kept.n_seen)
    known = np.flatnonzero(kept.n_seen)
    c = int(known[below(model, len(known))])
    place = c * n + below(model, min(int(kept.n_seen[c]), n))
    if model.spec.loss == CROSSENTROPY:
        kept.labels[place] = c  # as it is, but in a damaged image
    return inputs_at(model, place), kept.labels[place].astype(np.int64)


def inputs_at(model, place):
    """Those of the lowest trained layer, of a remembered sample."""
    return memory(model).inputs[place].astype(np.int64) << byte_unit(model)


def classes(model):
    """For a sample of which class each place is; what is left over, for none."""
    kept = memory(model)
    n_places, n_classes = len(kept.inputs), len(kept.n_seen)
    return np.arange(n_places) // (n_places // n_classes)


def used(model):
    """Whether there is a sample in each place."""
    kept, c = memory(model), classes(model)
    n_classes = len(kept.n_seen)
    n_seen = kept.n_seen[np.minimum(c, n_classes - 1)]
    return (c < n_classes) & (np.arange(len(c)) % (len(c) // n_classes) < n_seen)


def distances(model, inputs):
    """Squared distances to the sample in each place, FAR if there is none."""
    differences = memory(model).inputs.astype(np.int64) - inputs
    return np.where(used(model), (differences**2).sum(axis=1), FAR)
