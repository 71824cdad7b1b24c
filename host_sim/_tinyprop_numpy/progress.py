"""How learning goes: running means over the last 64 samples or so, each as the model knew it
before it learned from it, Q.28. And what is left to learn, Q.15:

    left = e / v      e: the mean error, with crossentropy of 1 - p_y, with mse of |delta|
                      v: that of a model which knows nothing, crossentropy: 1.0, mse: of one that
                      always says the middle

With mse v is the spread of the targets (ranges.py). Of a range that is given it is what it would
be if all targets in it were equally frequent, 1/2.
"""

import numpy as np

from .fixed import (
    ONE,
    clamp,
    l1_norm,
    part,
    quotient_round,
    rshift_round,
    rshift_round_sat,
    wrap,
)
from .format import CROSSENTROPY

MEAN_SHIFT = 6
CERTAIN = 1 << 28  # 1.0


def moved(mean, value, n):
    """A running mean after the n-th value: a plain mean at first. In a damaged image it wraps."""
    k = min(n.bit_length() - 1, MEAN_SHIFT)
    return mean + rshift_round(wrap(value - mean).astype(np.int64), k)


def begin_least(model):
    """The least error begins anew where what it was says nothing any more, and counts once `error`
    is the mean of 64 samples."""
    model.state.least_error = CERTAIN
    model.output.state.settling = 1 << MEAN_SHIFT


def note_error(model, error):
    """The error counts as 1.0 before the first sample."""
    state, of_output = model.state, model.output.state
    if state.steps == 1:
        begin_least(model)
    state.error = moved(state.error, error, state.steps + 1)
    if of_output.settling > 0:
        of_output.settling -= 1
    else:
        state.least_error = min(state.least_error, state.error)


def note_class(model, target, is_right, p_target):
    """tally: the step in which each class was last shown, modulo 2^32."""
    state = model.state
    if model.tally[target] == 0:
        begin_least(model)  # with fewer classes it was easier
    state.right = moved(state.right, is_right * CERTAIN, state.steps)
    note_error(model, (1 << 14) - p_target << 14)
    model.tally[target] = state.steps % (1 << 32)


def note_outputs(model, delta):
    """tally: the running mean of each output's |delta|."""
    shift = 28 - model.delta_frac
    model.tally[:] = moved(model.tally.astype(np.int64), np.abs(delta) << shift, model.state.steps)
    note_error(model, l1_norm(delta) // model.output.n_out << shift)


def note_range(model, j, wider):
    """After learned output range j has become 2^wider times as wide: its error, in units of that,
    is another."""
    before = clamp(int(wrap(model.tally[j])), CERTAIN)
    now = int(rshift_round_sat(before, wider, CERTAIN))
    error = int(wrap(model.state.error + int(quotient_round(now - before, model.output.n_out))))
    model.tally[j] = now % (1 << 32)
    model.state.error = min(max(error, 0), CERTAIN)
    begin_least(model)


def left_to_learn(model):
    """Sums over the outputs are Q.12."""
    state, n_out, learned = model.state, model.output.n_out, model.learned[1]
    if model.spec.loss == CROSSENTROPY:
        return state.error >> 13
    error = (state.error >> 16) * n_out
    if learned is None:
        return part(error, n_out << 11)
    if state.n_seen[1] < 3:  # no spread is known yet
        return ONE
    spreads = rshift_round_sat(wrap(learned["spread"]), learned["shift"] - 12, 1 << 12)
    return part(error, int(spreads.sum()))
