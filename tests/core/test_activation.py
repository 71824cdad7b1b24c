"""Activations and their formats, against the numpy twin."""

import images
import numpy as np
import pytest
from _tinyprop_numpy import activation
from _tinyprop_numpy import format as fmt
from exact import INT_MAX, INT_MIN
from headers import TYPES
from images import Layer, dense, number
from native import CModel

tp_format_use_t = TYPES["tp_format_use_t"]
ADAPTING = [fmt.ACTIVATION_NAMES[kind] for kind in activation.ADAPTS]


SUMS = [0, 1, -1, 300, -300, 1 << 12, -(1 << 16), 77777, 1 << 24, INT_MAX, -INT_MAX, INT_MIN]


def compare(model, x_fracs, y_fracs, y_of):
    """Sums of any size with the twin; what is above the format, and above a quarter of it, is
    counted. y_of(sums): where their outputs go."""
    fields, twin = model.layers[0], images.Image(bytearray(model.buffer)).twin
    layer = twin.layers[0]
    for x_frac in x_fracs:
        for w_frac in (0, 2, 9, 16):
            for y_frac in y_fracs:
                fields.x_frac, fields.w_frac, fields.y_frac = x_frac, w_frac, y_frac
                layer.x_frac, layer.state.w_frac, layer.state.y_frac = x_frac, w_frac, y_frac
                layer.state.n_saturated = layer.state.n_high = 0
                want = activation.activate(twin, layer, np.array(SUMS), True)
                use = tp_format_use_t(activation.top_of_format(twin, layer))
                sums = np.array(SUMS, np.int32)
                y = y_of(sums)
                is_alive = model.call("tp_activate", 0, None, sums, y, len(SUMS), use)
                assert y.tolist() == want.tolist(), (x_frac, w_frac, y_frac)
                assert bool(is_alive) == bool(want.any())
                assert use.n_saturated == layer.state.n_saturated, (x_frac, w_frac, y_frac)
                assert use.n_high == layer.state.n_high, (x_frac, w_frac, y_frac)


@pytest.mark.parametrize("kind", fmt.ACTIVATION_NAMES)
@pytest.mark.parametrize("loss", fmt.LOSS_NAMES)
def test_outputs_in_every_format(c, kind, loss):
    model = CModel(c, (1, 1, 1), [dense(len(SUMS), kind), dense(1)], loss)
    y = np.zeros(len(SUMS), np.int16)
    compare(model, (-8, 0, 7, 8, 10, 12), (-8, 0, 8, 12), lambda sums: y)


@pytest.mark.parametrize("kind", fmt.ACTIVATION_NAMES)
def test_outputs_of_a_map(c, kind):
    """Bytes that may be written over the sums they come from."""
    model = CModel(c, (1, 1, 1), [Layer("conv", len(SUMS), (1, 1), activation=kind), dense(1)])
    is_signed = activation.HAS_SIGN[number(kind)]
    assert model.layers[1].x_signed == is_signed
    byte = np.int8 if is_signed else np.uint8
    compare(model, (-8, 0, 8), (-8, 0, 8), lambda sums: sums.view(byte)[: len(SUMS)])


@pytest.mark.parametrize("kind", ["relu", "tanh"])
def test_dead_steps_stay_at_their_most(c, kind):
    model = CModel(c, (1, 1, 1), [dense(3, kind), dense(1)])
    fields, twin = model.layers[0], images.Image(bytearray(model.buffer)).twin
    fields.dead_steps = twin.layers[0].state.dead_steps = 65533
    for alive, want in ((0, 65534), (0, 65535), (0, 65535), (1, 0), (0, 1)):
        model.call("tp_adapt_format", 0, tp_format_use_t(), alive)
        activation.adapt_format(twin, twin.layers[0], np.full(3, alive))
        assert fields.dead_steps == twin.layers[0].state.dead_steps == want


# By how many the outputs above the format, and above a quarter of it, pass their limits.
MOVES = {"none": (0, 0), "coarser": (1, 0), "finer": (0, -1)}


@pytest.mark.parametrize("kind", ADAPTING)
@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("n", [1, 7, 8, 49, 2048])
def test_a_format_moves_by_what_its_windows_say(c, kind, name, n):
    """Windows of 1, 2, 4, ... 256 steps: coarser with more than 1 in 512 outputs above the format;
    finer after at least 64 steps with fewer than 1 in 2048 above a quarter of it."""
    model = CModel(c, (1, 1, 1), [dense(n, kind), dense(1)])
    fields, twin = model.layers[0], images.Image(bytearray(model.buffer)).twin
    state, window = twin.layers[0].state, 1
    y_frac = fields.y_frac = state.y_frac = {"none": 0, "coarser": -5, "finer": 6}[name]
    for _ in range(11):
        for step in range(window):
            ends = step == window - 1
            n_saturated = ends * (window * n // 512 + MOVES[name][0])
            n_high = ends * (-(-window * n // 2048) + MOVES[name][1])
            state.n_saturated += n_saturated
            state.n_high += n_high
            assert fields.y_frac == state.y_frac == y_frac
            model.call("tp_adapt_format", 0, tp_format_use_t(255, n_saturated, n_high), 1)
            activation.adapt_format(twin, twin.layers[0], np.ones(n))
        y_frac += -1 if name == "coarser" else name == "finer" and window >= 64
        y_frac = max(-8, min(8, y_frac))
        assert fields.y_frac == state.y_frac == y_frac, window
        window = min(2 * window, 256)
    assert y_frac == {"none": 0, "coarser": -8, "finer": 8}[name]
