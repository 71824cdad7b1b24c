"""Which deltas are selected, at the limits and against the numpy twin, and what becomes of the
rest."""

import images
import numpy as np
import pytest
from _tinyprop_numpy import format as fmt
from _tinyprop_numpy import select
from exact import MAX_VALUES
from images import Layer, dense
from native import CModel

SHARES = ((0, 0), (1, 1 << 15), (1 << 14, 1 << 14), (1 << 15, 1 << 15), (1 << 15, 0))


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, MAX_VALUES])
@pytest.mark.parametrize("policy", fmt.POLICY_NAMES)
def test_selection_at_its_edges(c, n, policy):
    """All deltas equal, all of the largest magnitude, ties, all 0: against the twin."""
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
                twins_deltas = case.astype(np.int64)
                want, selected = select.select(twin, twin.layers[0], twins_deltas, frac, 1)
                assert model.call("tp_select", 0, deltas, frac, 1) == selected
                assert deltas.tolist() == want.tolist()
                state = model.layers[0].threshold, model.layers[0].residual
                assert state == (twin.layers[0].state.threshold, twin.layers[0].state.residual)
                if policy == "topk":
                    assert selected <= max(n * max(s_min, s_max) >> 15, 1)


def test_small_deltas_add_up_with_their_signs_in_a_feature_map(c):
    """In a feature map of a convolution; in a dense layer without."""
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


# ---- the share of topk, and samples that are known already


@pytest.mark.parametrize("zeta", [0, 1, 20001, 32767, 1 << 15])
def test_the_share_shrinks_with_each_layer_further_down(c, zeta):
    """Truncated to Q.15 at each layer; at least one delta is selected."""
    n, s_max = 2000, 1 << 14
    model = CModel(
        c, (1, 1, 1), [dense(n, "relu"), dense(1)], policy="topk", s_max=s_max, zeta=zeta
    )
    for depth in range(1, 4):
        share = s_max
        for _ in range(depth):
            share = share * zeta >> 15
        deltas = np.arange(1, n + 1).astype(np.int16)  # the first ones: as large as any so far
        model.layers[0].threshold = 0
        twin = images.Image(bytearray(model.buffer)).twin
        _, twins = select.select(twin, twin.layers[0], deltas.astype(int), 14, depth)
        selected = model.call("tp_select", 0, deltas, 14, depth)
        assert selected == twins == max(n * share >> 15, 1), depth


@pytest.mark.parametrize("skip", [1, 1600, 1 << 13, 1 << 14])
def test_a_class_is_known_from_a_probability_of_1_less_skip_on(c, skip):
    model = CModel(c, (1, 1, 1), [dense(2)], skip=skip)
    deltas = np.zeros(2, np.int16)
    for p in (0, (1 << 14) - skip - 1, (1 << 14) - skip, (1 << 14) - skip + 1, 1 << 14):
        if p >= 0:
            known = p >= (1 << 14) - skip
            assert model.call("tp_skip_sample", None, deltas, p) == known, p
            assert select.skips(model.twin, deltas.astype(int), p) == known, p


@pytest.mark.parametrize("skip", [1, 1 << 13, 1 << 14])
def test_a_target_is_known_below_that_share_of_the_largest_sum(c, skip):
    model = CModel(c, (1, 1, 1), [dense(2)], "mse", skip=skip)
    largest = 1 << 13
    before = largest + 9  # which loses 1 in 1024, rounded up
    for y in (0, 1, (largest * skip >> 14) - 1, largest * skip >> 14, largest):
        if y >= 0:
            deltas, known = np.array([y, 0], np.int16), y << 14 < largest * skip
            twin = images.Image(bytearray(model.buffer)).twin
            model.layers[0].threshold = twin.output.state.threshold = before
            assert model.call("tp_skip_sample", None, deltas, 0) == known, y
            assert select.skips(twin, deltas.astype(int), 0) == known, y
            assert model.layers[0].threshold == twin.output.state.threshold == largest
