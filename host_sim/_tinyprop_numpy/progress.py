"""How learning goes: running means over the last 64 samples or so, each as the model knew it
before it learned from it. All are Q.28."""

import numpy as np

from .fixed import l1_norm, rshift_round, wrap

MEAN_SHIFT = 6


def moved(mean, value, n):
    """A running mean after the n-th value: a plain mean at first. In a damaged image it wraps."""
    k = min(n.bit_length() - 1, MEAN_SHIFT)
    return mean + rshift_round(wrap(value - mean).astype(np.int64), k)


def note_error(state, error):
    """The error counts as 1.0 before the first sample. The least of it is looked for when it is
    the mean of 64: the first errors of numbers are small, as their range is not known yet."""
    state.error = moved(state.error, error, state.steps + 1)
    if state.steps >> MEAN_SHIFT:
        state.least_error = min(state.least_error, state.error)


def note_class(model, target, is_right, p_target):
    """tally: the step in which each class was last shown, modulo 2^32."""
    state = model.state
    state.right = moved(state.right, is_right << 28, state.steps)
    note_error(state, (1 << 14) - p_target << 14)
    model.tally[target] = state.steps % (1 << 32)


def note_outputs(model, delta):
    """tally: the running mean of each output's |delta|."""
    shift = 28 - model.delta_frac
    model.tally[:] = moved(model.tally.astype(np.int64), np.abs(delta) << shift, model.state.steps)
    note_error(model.state, l1_norm(delta) // model.output.n_out << shift)
