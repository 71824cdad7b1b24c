"""Deltas on their way back through an activation, against the numpy twin."""

import numpy as np
import pytest
from _tinyprop_numpy import activation
from exact import INT_MAX, INT_MIN
from images import dense
from native import CModel


@pytest.mark.parametrize("kind", ["linear", "relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("loss", ["crossentropy", "mse"])
def test_deltas_of_any_size_and_format(c, kind, loss):
    values = [0, 1, -1, 77, -(1 << 13), 1 << 14, -(1 << 20), 1 << 30, INT_MAX, -INT_MAX, INT_MIN]
    model = CModel(c, (1, 1, 1), [dense(6, kind), dense(1)], loss)
    twin = model.twin
    top = activation.top_of_format(twin, twin.layers[0])
    model.outputs(0)[:] = [0, 1, top // 2, top - 1, top, top // 3]
    twin.layers[0].outputs = model.outputs(0).astype(np.int64)
    for frac in (-10, 0, 13, 14, 15, 20, 30, 31, 45, 60):
        for first in range(len(values)):
            v = np.array((values[first:] + values[:first])[:6], np.int32)
            want, want_frac = activation.backward(twin, twin.layers[0], v.copy(), frac)
            v[0] *= kind != "relu"  # above an output of 0 the next dense layer leaves a dx of 0
            assert model.call("tp_activation_backward", 0, v, frac) == want_frac
            assert v.view(np.int16)[:6].tolist() == want.tolist(), (frac, first)
            assert np.abs(want).max() <= 1 << twin.delta_frac
