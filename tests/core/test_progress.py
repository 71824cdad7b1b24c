"""How learning goes: running means of what the model knew before it learned, against the twin and
floating point."""

import ctypes

import images
import numpy as np
import pytest
from _tinyprop_numpy import progress
from images import dense
from native import CModel


def means(values):
    """A plain mean at first, then over the last 64 or so; of all values so far."""
    mean = 0.0
    for n, value in enumerate(values, 1):
        mean += (value - mean) * max(2.0 ** -(n.bit_length() - 1), 1 / 64)
        yield mean


def twin_of(model):
    return images.Image(bytearray(model.buffer)).twin


def test_of_classes(c):
    """The share of right samples, the error, the least it has been since it is a mean of 64 after
    the last class that was new, and when each class was last shown."""
    n, model = 500, CModel(c, (1, 1, 2), [dense(4)])
    random = np.random.default_rng(1)
    p = np.append(random.integers(0, 2**14 + 1, n - 100), random.integers(2**13, 2**14 + 1, 100))
    right = (random.random(n) < 0.7).astype(int)
    shown, newest = random.integers(0, 3, n), 0
    shown[300] = 3
    errors = list(means([1.0, *(1 - p / 2**14)]))[1:]  # it counts as 1.0 before the first sample
    shares, last = means(right), [0] * 4
    for i, share in enumerate(shares):
        newest = newest if last[shown[i]] else i
        model.head.steps = last[shown[i]] = i + 1
        twin = twin_of(model)
        model.call("tp_note_class", None, int(shown[i]), int(right[i]), int(p[i]))
        progress.note_class(twin, int(shown[i]), bool(right[i]), int(p[i]))
        head = model.head
        assert head.right / 2**28 == pytest.approx(share, abs=2**-20)
        assert head.error / 2**28 == pytest.approx(errors[i], abs=2**-20)
        least = min([1, *errors[newest + 64 : i + 1]])
        assert head.least_error / 2**28 == pytest.approx(least, abs=2**-20)
        assert model.twin.tally.tolist() == last == twin.tally.tolist()
        of_twin = twin.state.right, twin.state.error, twin.state.least_error
        assert of_twin == (head.right, head.error, head.least_error)


@pytest.mark.parametrize("n_in", [2, 65])  # 12 bits, and 8
def test_of_outputs(c, n_in):
    """The error of each output, and of all; of deltas, which are clipped at 1.0."""
    n, model = 300, CModel(c, (1, 1, n_in), [dense(3)], "mse")
    one = 1 << model.twin.delta_frac
    deltas = np.random.default_rng(2).integers(-one, one + 1, (n, 3))
    deltas[:9] = one
    of_each = [list(means(np.abs(d) / one)) for d in deltas.T]
    errors = list(means([1.0, *(np.abs(deltas).mean(1) / one)]))[1:]
    for i, d in enumerate(deltas):
        model.head.steps = i + 1
        twin = twin_of(model)
        model.call("tp_note_outputs", None, d.astype(np.int16))
        progress.note_outputs(twin, d)
        tally = model.twin.tally.tolist()
        assert tally == twin.tally.tolist() and model.head.error == twin.state.error
        assert np.array(tally) / 2**28 == pytest.approx([e[i] for e in of_each], abs=2**-20)
        assert model.head.error / 2**28 == pytest.approx(errors[i], abs=2 / one)
        least = min([1, *errors[64 : i + 1]])
        assert model.head.least_error / 2**28 == pytest.approx(least, abs=2 / one)
        assert model.head.least_error == twin.state.least_error
    assert model.head.right == 0


@pytest.mark.parametrize("wider", [1, -3, -27, 0])
@pytest.mark.parametrize("errors", [(0.5, 0.25), (2**-20, 0), (1, 1), (15, 15.99)])
def test_errors_are_in_units_of_the_range(c, wider, errors):
    """They stay what they are in the user's units, as far as 1.0; 15.99 is of a damaged image."""
    model, j = CModel(c, (1, 1, 2), [dense(2)], "mse"), 1
    model.twin.tally[:] = [int(e * 2**28) for e in errors]
    model.head.error, model.head.least_error = int(min(1, sum(errors) / 2) * 2**28), 77
    before, copy = model.head.error / 2**28, bytearray(model.buffer)
    model.call("tp_note_range", None, ctypes.c_size_t(j), wider)

    tally, error = model.twin.tally / 2**28, model.head.error / 2**28
    if max(errors) <= 1:
        assert tally[0] == errors[0]
        assert tally[j] == pytest.approx(min(1, errors[j] * 2.0**-wider), abs=2**-28)
        moved = before + (tally[j] - errors[j]) / 2
        assert error == pytest.approx(min(max(0, moved), 1), abs=2**-27)
    assert model.head.least_error == 1 << 28  # and is looked for anew
    assert model.layers[0].settling == 64
    twin = images.Image(copy).twin
    progress.note_range(twin, j, wider)
    assert images.saved(copy) == images.saved(model.buffer)


@pytest.mark.parametrize("before", [0, 0.5, 1])
def test_the_mean_error_is_at_most_1(c, before):
    """The errors of the outputs and their mean begin differently, so their sum may pass it."""
    model = CModel(c, (1, 1, 2), [dense(1)], "mse")
    model.twin.tally[:], model.head.error = int(0.125 * 2**28), int(before * 2**28)
    copy = bytearray(model.buffer)
    model.call("tp_note_range", None, ctypes.c_size_t(0), -3)
    assert model.head.error == min(before + 0.875, 1) * 2**28
    progress.note_range(images.Image(copy).twin, 0, -3)
    assert images.saved(copy) == images.saved(model.buffer)


@pytest.mark.parametrize("loss", ["crossentropy", "mse"])
def test_beyond_32_bits_of_steps(c, loss):
    """Means go on where they were, and the tally goes round."""
    model = CModel(c, (1, 1, 2), [dense(3)], loss)
    model.head.right = model.head.error = model.head.least_error = 1 << 27
    deltas = np.array([77, -1000, 1 << 13], np.int16)
    for steps in range((1 << 32) - 2, (1 << 32) + 3):
        model.head.steps = steps
        twin = twin_of(model)
        if loss == "mse":
            model.call("tp_note_outputs", None, deltas)
            progress.note_outputs(twin, deltas.astype(np.int64))
        else:
            model.call("tp_note_class", None, 1, 1, 1 << 13)
            progress.note_class(twin, 1, True, 1 << 13)
            assert model.twin.tally[1] == steps % (1 << 32)
        head = model.head
        of_twin = twin.state.right, twin.state.error, twin.state.least_error
        assert of_twin == (head.right, head.error, head.least_error)
        assert model.twin.tally.tolist() == twin.tally.tolist()


def left_to_learn(model, error, spreads=None):
    """What both backends say if `error`, Q.28, is the mean one and outputs have these spreads,
    shares of half a range; as a share."""
    model.head.error = error
    if spreads is not None:
        r = model.learned(1)
        r["shift"] = np.resize([20, 3], len(r))
        r["spread"] = np.ldexp(spreads, r["shift"])
    left = model.call("tp_left_to_learn", None)
    assert left == progress.left_to_learn(twin_of(model))
    return left / 2**15


def test_what_is_left_of_classes_is_the_error(c):
    model = CModel(c, (1, 1, 2), [dense(4)])
    for error in (0, 1 << 13, 12345678, 1 << 28):
        assert left_to_learn(model, error) == (error >> 13) / 2**15


@pytest.mark.parametrize("n_out", [1, 3, 200, 65534])
def test_what_is_left_of_numbers(c, n_out):
    """The error as a share of the mean spread: also where there are as many outputs as there may
    be, and both are as large as they may be. 1.0 is the most, and what counts before there is a
    spread, which the third target finds."""
    model, random = CModel(c, (1, 1, 1), [dense(n_out)], "mse"), np.random.default_rng(n_out)
    for spreads in (np.full(n_out, 1), np.full(n_out, 1 / 4), random.integers(1, 9, n_out) / 8):
        for share in (0, 0.01, 0.5, 0.75, 0.999, 1, 1.5):
            error = int(min(share * spreads.mean(), 1) * 2**28)
            model.head.n_seen = np.array([0, 3])
            exact = min(error / 2**28 / spreads.mean(), 1)
            assert left_to_learn(model, error, spreads) == pytest.approx(exact, abs=2**-9)
            model.head.n_seen = np.array([0, 2])
            assert left_to_learn(model, error, spreads) == 1
    model.head.n_seen = np.array([0, 3])
    assert left_to_learn(model, 1 << 27, np.full(n_out, 4)) == 1 / 2  # more counts as 1.0


def test_values_that_never_change_have_no_spread(c):
    model = CModel(c, (1, 1, 2), [dense(1)], "mse")
    model.head.n_seen = np.array([0, 1024])
    assert left_to_learn(model, 0, [0]) == 0
    assert left_to_learn(model, 1 << 16, [0]) == 1
    model.learned(1)["shift"] = 31
    assert left_to_learn(model, 1 << 28) == 1


def test_of_a_given_range_the_error_of_its_middle_is_half(c):
    model = CModel(c, (1, 1, 2), [dense(3)], "mse", ranges=([], [(0, 1)]))
    for share in (0, 1 / 4, 1 / 2, 1):
        assert left_to_learn(model, int(share * 2**28)) == min(1, share * 2)
