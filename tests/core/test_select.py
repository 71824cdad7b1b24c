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
        model.head.share = s_min
        twin = images.Image(bytearray(model.buffer)).twin
        for frac in (14, 20, 22):
            for case in cases:
                deltas = case.astype(np.int16)
                twins_deltas = case.astype(np.int64)
                want, selected = select.select(twin, twin.layers[0], twins_deltas, frac, 1)
                assert model.select(0, deltas, frac, 1) == selected
                assert deltas.tolist() == want.tolist()
                state = model.layers[0].threshold, model.layers[0].residual
                assert state == (twin.layers[0].state.threshold, twin.layers[0].state.residual)
                if policy == "topk":
                    assert selected <= max(n * max(s_min, s_max) >> 15, 1)
                if policy == "diffused" and s_min == 1 << 15:
                    assert selected == n and deltas.tolist() == case.tolist()


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
        model.head.share, model.layers[0].threshold = 1 << 12, t << 16 - 3  # T times the share
        left = deltas.ravel().copy()
        assert model.select(0, left, 14, 1) == np.count_nonzero(want)
        assert left.tolist() == want.ravel().tolist()
        assert model.layers[0].residual >> 8 == residual


@pytest.mark.parametrize("bits", [12, 8])
def test_with_mse_each_output_has_a_threshold_of_its_own(c, bits):
    """T times its mean error, as a share of the largest one."""
    n, t, random = 65534 if bits == 8 else 64, 1 << 13, np.random.default_rng(bits)
    model = CModel(c, (1, 1, 1), [dense(n)], "mse", policy="diffused", s_min=1 << 12)
    most = 1 << model.twin.delta_frac
    model.head.share = 1 << 12
    for errors in (
        np.full(n, 1 << 28),  # 1.0, the most that there is
        np.full(n, 1),
        random.integers(0, 1 << 28, n),
        random.integers(0, 1 << 17, n),
        random.integers(0, 1 << 32, n),  # of a damaged image
    ):
        model.twin.tally[:] = errors
        model.layers[0].threshold = t << 27 - model.twin.delta_frac
        model.layers[0].residual = 77
        for deltas in (random.integers(-most, most + 1, n), np.full(n, most), np.full(n, 1)):
            twin = images.Image(bytearray(model.buffer)).twin
            left = deltas.astype(np.int16)
            selected = model.select(0, left, model.twin.delta_frac, 0)
            want, twins = select.select(twin, twin.output, deltas, model.twin.delta_frac, 0)
            assert left.tolist() == want.tolist() and selected == twins
            now = twin.output.state.threshold, twin.output.state.residual
            assert (model.layers[0].threshold, model.layers[0].residual) == now
            model.layers[0].threshold = t << 27 - model.twin.delta_frac
            of_each = t * errors / errors.max()
            far = np.abs(np.abs(deltas) - of_each) > 2
            kept = (left == deltas) & (deltas != 0)
            assert kept[far].tolist() == (np.abs(deltas) >= of_each)[far].tolist()
            assert (kept | (left == 0)).all()


def test_outputs_without_errors_are_all_selected(c):
    model = CModel(c, (1, 1, 1), [dense(3)], "mse", policy="diffused", s_min=1 << 12)
    model.head.share, model.layers[0].threshold = 1 << 12, 1 << 26
    deltas = np.array([5, 0, -1], np.int16)
    assert model.select(0, deltas, model.twin.delta_frac, 0) == 2
    assert deltas.tolist() == [5, 0, -1]


def test_a_threshold_follows_the_share_and_is_at_most_1(c):
    """As many more are selected as the share is larger; and where all deltas are clipped, the
    threshold does not rise so high that it takes long to come down."""
    n, random = 1000, np.random.default_rng(1)
    model = CModel(c, (1, 1, 1), [dense(n, "relu"), dense(1)], "mse", policy="diffused")
    selected = {}
    for share in [1 << 11] * 900 + [1 << 13] * 200:
        model.head.share = share
        deltas = np.rint(random.laplace(0, 1000, n)).astype(np.int16)
        selected.setdefault(share, []).append(model.select(0, deltas, 14, 1))
    assert np.mean(selected[1 << 11][600:]) == pytest.approx(n / 16, rel=0.05)
    assert np.mean(selected[1 << 13][:2]) > 2 * n / 16
    assert np.mean(selected[1 << 13][100:]) == pytest.approx(n / 4, rel=0.1)
    for _ in range(100):
        model.select(0, np.full(n, 1 << 14, np.int16), 14, 1)
        assert model.layers[0].threshold <= model.head.share << 15
    deltas = np.full(n, (1 << 14) - 1000, np.int16)
    assert [model.select(0, deltas.copy(), 14, 1) for _ in range(4)][-1] == n


# ---- the share of diffused


@pytest.mark.parametrize("s_min", [0, 1, 3277, 1 << 15])
@pytest.mark.parametrize("s_max", [0, 1, 4588, 1 << 15])
def test_the_share_and_what_it_costs(c, s_min, s_max):
    """max(s_min, min(left / 2, account / 256)), all from .95 on; the account earns s_max, pays it
    unless the sample is skipped, and stays between 0 and 4096 dense steps."""
    settings = {"policy": "diffused", "s_min": s_min, "s_max": s_max, "skip": 1 << 12}
    model = CModel(c, (1, 1, 1), [dense(2)], **settings)
    one, skipped_from = 1 << 15, (1 << 14) - (1 << 12)
    for left in (0, 0.01, 0.3, 0.9, 1):
        for account in (0, 1, 3000, 20 * one, 200 * one, 256 * one, 4096 * one - 1, 4096 * one):
            for p in (0, skipped_from):
                model.head.account, q15 = account, int(left * one)
                twin = images.Image(bytearray(model.buffer)).twin
                deltas = np.array([1, -1], np.int16)
                skipped = model.call("tp_skip_sample", None, deltas, p, q15)
                assert skipped == select.skips(twin, deltas.astype(int), p, q15)
                assert skipped == (p == skipped_from)
                share = max(s_min, int(min(left / 2 * one, account / 256)))
                share = s_min if s_max == 0 else share if share < one * 95 // 100 else one
                paid = account + s_max - (0 if skipped else share)
                state = model.head.share, model.head.account
                assert state == (share, min(max(paid, 0), 4096 * one)), (left, account, p)
                assert state == (twin.state.share, twin.state.account)


def test_a_skipped_sample_counts_as_one_of_which_none_is_selected(c):
    settings = {"policy": "diffused", "s_min": 1 << 13, "s_max": 0, "skip": 1 << 12}
    model = CModel(c, (1, 1, 1), [dense(8, "relu"), dense(4, "relu"), dense(2)], **settings)
    for threshold in (0, 1 << 20):
        model.layers[0].threshold, model.layers[1].threshold = threshold, 0
        model.call("tp_skip_sample", None, np.zeros(2, np.int16), 1 << 14, 0)
        fewer = threshold - 2 * (threshold >> 6)  # a budget of 2; 2^6: 3 bits of 8 deltas, and 3
        assert model.layers[0].threshold == fewer and model.layers[1].threshold == 0


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
        selected = model.select(0, deltas, 14, depth)
        assert selected == twins == max(n * share >> 15, 1), depth


@pytest.mark.parametrize("skip", [1, 1600, 1 << 13, 1 << 14])
def test_a_class_is_known_from_a_probability_of_1_less_skip_on(c, skip):
    model = CModel(c, (1, 1, 1), [dense(2)], skip=skip)
    deltas = np.zeros(2, np.int16)
    for p in (0, (1 << 14) - skip - 1, (1 << 14) - skip, (1 << 14) - skip + 1, 1 << 14):
        if p >= 0:
            known = p >= (1 << 14) - skip
            assert model.call("tp_skip_sample", None, deltas, p, 0) == known, p
            assert select.skips(model.twin, deltas.astype(int), p, 0) == known, p


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
            assert model.call("tp_skip_sample", None, deltas, 0, 0) == known, y
            assert select.skips(twin, deltas.astype(int), 0, 0) == known, y
            assert model.layers[0].threshold == twin.output.state.threshold == largest
            if not known:  # the step that follows leaves it so
                model.select(0, deltas.copy(), 14, 0)
                select.select(twin, twin.output, deltas.astype(int), 14, 0)
                assert model.layers[0].threshold == twin.output.state.threshold == largest
