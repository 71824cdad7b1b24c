"""Which deltas are selected: at the edges against the numpy twin, and what becomes of the rest."""

import images
import numpy as np
import pytest
from _tinyprop_numpy import select
from exact import MAX_VALUES
from images import Layer, dense
from native import CModel

SHARES = ((0, 0), (1, 1 << 15), (1 << 14, 1 << 14), (1 << 15, 1 << 15), (1 << 15, 0))


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, MAX_VALUES])
@pytest.mark.parametrize("policy", ["topk", "diffused"])
def test_selection_at_its_edges(c, n, policy):
    """All deltas equal, all of the largest size, ties, and none at all: against the twin."""
    random = np.random.default_rng(n)
    cases = [
        np.full(n, 1 << 14),
        np.full(n, -(1 << 14)),
        np.zeros(n),
        np.ones(n),
        random.integers(-3, 4, n),
        random.integers(-(1 << 14), (1 << 14) + 1, n),
    ]
    for s_min, s_max in SHARES:
        layers = [dense(n, "relu"), dense(1)]
        model = CModel(c, (1, 1, 1), layers, policy=policy, s_min=s_min, s_max=s_max)
        twin = images.Image(bytearray(model.buffer)).twin
        for frac in (14, 20, 22):
            for case in cases:
                deltas = case.astype(np.int16)
                errors = case.astype(np.int64)
                want, selected = select.select(twin, twin.layers[0], errors, frac, 1)
                assert model.call("tp_select", 0, deltas, frac, 1) == selected
                assert deltas.tolist() == want.tolist()
                state = model.layers[0].threshold, model.layers[0].residual
                assert state == (twin.layers[0].state.threshold, twin.layers[0].state.residual)
                if policy == "topk":
                    assert selected <= max(n * max(s_min, s_max) >> 15, 1)


def test_small_deltas_add_up_with_their_signs_in_a_feature_map(c):
    """In a map of a convolution; in a dense layer they add up without."""
    t, deltas = 100, np.zeros((8, 2), np.int16)
    deltas[:, 0] = [60, -60] * 4
    deltas[:, 1] = 30
    in_map = np.zeros_like(deltas)
    in_map[[3, 6], 1] = t  # four of 30; the 20 that are left, and three
    sums = np.cumsum(np.abs(deltas))
    in_dense = np.sign(deltas.ravel()) * t * (np.diff(sums // t, prepend=0) > 0)
    for kind, want, residual in (
        (Layer("conv", 2, (1, 1)), in_map, 40),
        (dense(16), in_dense, sums[-1] % t),
    ):
        model = CModel(c, (1, 8, 1), [kind, dense(2)], policy="diffused", s_min=1 << 12)
        model.layers[0].threshold = t << 16
        left = deltas.ravel().copy()
        assert model.call("tp_select", 0, left, 14, 1) == np.count_nonzero(want)
        assert left.tolist() == want.ravel().tolist()
        assert model.layers[0].residual >> 8 == residual
