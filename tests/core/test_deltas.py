"""Deltas, and their formats row by row: against exact numbers, and against the numpy twin."""

from itertools import product

import images
import numpy as np
import pytest
from _tinyprop_numpy import activation
from _tinyprop_numpy import format as fmt
from _tinyprop_numpy import pool as numpy_pool
from exact import INT_MAX, INT_MIN, clamp, exact_round
from images import Layer, dense
from native import CModel

FORMATS = (-10, 0, 13, 14, 15, 19, 20, 21, 30, 31, 45, 60)
with_activations = pytest.mark.parametrize("kind", fmt.ACTIVATION_NAMES)


@with_activations
@pytest.mark.parametrize("loss", fmt.LOSS_NAMES)
def test_a_vector_of_any_size_and_format(c, kind, loss):
    values = [0, 1, -1, 77, -(1 << 13), 1 << 14, -(1 << 20), 1 << 30, INT_MAX, -INT_MAX, INT_MIN]
    model = CModel(c, (1, 1, 1), [dense(6, kind), dense(1)], loss)
    twin = model.twin
    top = activation.top_of_format(twin, twin.layers[0])
    model.outputs(0)[:] = [0, 1, top // 2, top - 1, top, top // 3]
    twin.layers[0].outputs = model.outputs(0).astype(np.int64)
    for frac in FORMATS:
        for first in range(len(values)):
            v = np.array((values[first:] + values[:first])[:6], np.int32)
            model.head.n_clipped = twin.state.n_clipped = 0
            want, want_frac = activation.backward(twin, twin.layers[0], v.copy(), frac)
            n_clipped, model.head.n_clipped = model.head.n_clipped, 0
            v[0] *= kind != "relu"  # above an output of 0 the next dense layer leaves a dx of 0
            got, got_frac = model.deltas(0, v, frac)
            assert (got.tolist(), got_frac) == (want.tolist(), want_frac), (frac, first)
            assert model.head.n_clipped == n_clipped
            assert np.abs(want).max() <= 1 << twin.delta_frac


# ---- rows of a map, which get their formats one by one


def exact_deltas(rows, v_frac):
    """Deltas, their format and how many were clipped, as deltas.c describes it."""
    made, used, n_clipped = [], 0, 0
    for row in rows.tolist():
        used = max(used, *(abs(v).bit_length() for v in row))
        frac = max(min(v_frac - used + 14, max(v_frac, 14), 20), 14)
        exact = [exact_round(v, v_frac - frac) for v in row]
        n_clipped += sum(abs(v) > 1 << 14 for v in exact)
        made.append(([clamp(v, 1 << 14) for v in exact], frac))
    return [exact_round(v, of - frac) for row, of in made for v in row], frac, n_clipped


def map_model(c, shape, kind="linear", maximum=False):
    """One that gives a map of this shape, for which deltas can be made."""
    h, w, channels = shape
    first = Layer("conv", channels, (1, 1), activation=kind)
    pool = [Layer("maxpool", kernel=(1, 1))] if maximum else []
    return CModel(c, (h, w, 1), [first, *pool, Layer("depthwise", 0, (1, 1)), dense(1)])


ROWS = {
    "all of one format": lambda n: [1 << 14] * n,
    "each one bit coarser": lambda n: [256 << i for i in range(n)],
    "each one bit finer": lambda n: [256 << n - i for i in range(n)],
    "six bits at once, in the last one": lambda n: [1] * (n - 1) + [1 << 14],
    "six bits at once, in the second": lambda n: [100] + [1 << 14] * (n - 1),
    "from the first on 0": lambda n: [0] * (n - 2) + [1, 1 << 10],
    "two bits, then two, then two": lambda n: [1 << 8 + 2 * (i * 4 // n) for i in range(n)],
    "all 0": lambda n: [0] * n,
    "clipped": lambda n: [1 << 12 + i for i in range(n)],
    "at the ends": lambda n: [(256 << i) - i % 2 for i in range(n)],
}


@pytest.mark.parametrize("shape", [(7, 2, 3), (9, 1, 1), (1, 9, 2), (1, 1, 5), (8, 40, 2)])
@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("maximum", [False, True])
def test_formats_row_by_row(c, shape, name, maximum):
    """A series has a row for each of its values."""
    model, n_rows = map_model(c, shape, maximum=maximum), max(shape[0], shape[1] * (shape[0] == 1))
    random, n = np.random.default_rng(1), int(np.prod(shape))
    of_map = images.number("maxpool") if maximum else images.number("conv")
    assert model.layers[int(maximum)].kind == of_map
    frac_seen = set()
    for v_frac in (*FORMATS, 16, 17, 18):
        for shift in range(-4, 15, 3):
            largest = np.array(ROWS[name](n_rows) if n_rows > 1 else [77])
            largest = np.clip(largest * 2.0**shift, 0, INT_MAX).astype(np.int64)
            rows = random.integers(-largest[:, None], largest[:, None] + 1, (n_rows, n // n_rows))
            rows[:, -1] = largest * random.choice([-1, 1], n_rows)
            model.head.n_clipped = 0
            got, frac = model.deltas(int(maximum), rows, v_frac)
            want, want_frac, n_clipped = exact_deltas(rows, v_frac)
            assert (got.tolist(), frac) == (want, want_frac), (v_frac, shift)
            assert model.head.n_clipped == n_clipped
            frac_seen.add(frac)
            # The largest delta is at least half of 1.0, unless the format is at one of its ends.
            if 14 < frac < min(v_frac, 20):
                assert np.abs(got.astype(int)).max() >= 1 << 13
    assert frac_seen == set(range(14, 21)) or name == "all 0" or n_rows == 1


def test_a_row_may_be_left_for_later_than_65535(c):
    """A map of as many rows as there can be: each has its number."""
    n = 65534
    model = CModel(
        c, (1, n, 1), [Layer("conv", 1, (1, 1)), Layer("avgpool", kernel=(0, 0)), dense(1)]
    )
    for at in (1, n // 2, n - 1):
        rows = np.ones((n, 1), int)
        rows[at] = 1 << 19
        got, frac = model.deltas(0, rows, 20)
        want, want_frac, _ = exact_deltas(rows, 20)
        assert frac == want_frac and got.tolist() == want


@with_activations
@pytest.mark.parametrize("maximum", [False, True])
@pytest.mark.parametrize("shape", [(5, 3, 2), (1, 6, 4)])
def test_a_map_above_each_activation(c, kind, maximum, shape):
    """Slopes are taken at the end, by outputs that are still there; above a relu an output of 0
    has no delta."""
    model, random = map_model(c, shape, kind, maximum), np.random.default_rng(2)
    at, twin, layer = int(maximum), model.twin, model.twin.layers[0]
    top, signed = activation.top_of_format(twin, layer), activation.HAS_SIGN[layer.activation]
    for v_frac in FORMATS:
        for bits in (3, 14, 20, 31):
            y = random.choice([0, 1, top // 3, top - 1, top] + [-top, -1] * signed, layer.n_deltas)
            model.outputs(at)[:], layer.with_deltas.outputs = y, y
            dy = random.integers(-(2**bits - 1), 2**bits, layer.n_deltas) >> random.integers(
                0, bits, layer.n_deltas
            )
            model.head.n_clipped = twin.state.n_clipped = 0
            want, want_frac = activation.backward(twin, layer, dy.astype(np.int32), v_frac)
            n_clipped, model.head.n_clipped = model.head.n_clipped, 0
            got, frac = model.deltas(at, dy, v_frac)
            assert (got.tolist(), frac) == (want.tolist(), want_frac), (v_frac, bits)
            assert model.head.n_clipped == n_clipped


POOLS = {
    "average": [("avgpool", (2, 2))],
    "average of everything": [("avgpool", (0, 0))],
    "rows and columns left over": [("avgpool", (4, 3))],
    "averages": [("avgpool", (2, 1)), ("avgpool", (1, 2)), ("avgpool", (2, 2))],
    "a maximum and an average": [("maxpool", (2, 2)), ("avgpool", (2, 1))],
    "an average and a maximum": [("avgpool", (2, 2)), ("maxpool", (2, 1))],
    "maxima": [("maxpool", (2, 1)), ("maxpool", (2, 2)), ("maxpool", (2, 1))],
}


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("kind", ["relu", "linear"])
def test_pools_pass_rows_on(c, name, kind):
    """From the uppermost of several down to the convolution, as numpy does it map by map."""
    pools = [Layer(pool, kernel=kernel) for pool, kernel in POOLS[name]]
    first = Layer("conv", 2, (1, 1), activation=kind)
    # An average directly above has deltas of its own size, a maximum those of its outputs.
    model = CModel(c, (9, 7, 1), [first, *pools, Layer("depthwise", 0, (1, 1)), dense(1)])
    random, at, twin = np.random.default_rng(3), len(pools), model.twin
    rows = twin.layers[at].out_h
    for bits, growth, first_frac in product((4, 10, 20), (-2, 0, 1, 3), (10, 20, 30)):
        x = random.integers(0, 128, twin.layers[0].n_out)
        twin.layers[0].outputs = x
        for i, layer in enumerate(twin.layers[1 : at + 1], 1):
            layer.inputs = x
            x = layer.outputs = numpy_pool.forward(twin, layer)
            if i > 1 or layer.kind == images.number("avgpool"):
                model.outputs(i - 1)[:] = layer.inputs
                model.call("tp_pool_forward", i)
            else:
                for row, values in enumerate(layer.inputs.reshape(9, -1)):
                    model.call("tp_take_row", i, values.astype(np.uint8), row)
            assert model.outputs(i).tolist() == x.tolist()
        dy = random.integers(-(1 << bits), 1 << bits, (rows, twin.layers[at].n_out // rows))
        dy = (dy * 2.0 ** (growth * np.arange(rows))[:, None]).astype(np.int32).ravel()
        dx, v_frac = dy, first_frac
        for layer in twin.layers[at:0:-1]:
            if layer is twin.layers[0].maximum:
                break
            dx, a = numpy_pool.backward(twin, layer, dx)
            v_frac += a
        twin.state.n_clipped = 0
        want, want_frac = activation.backward(twin, twin.layers[0], dx.astype(np.int32), v_frac)
        n_clipped, model.head.n_clipped = model.head.n_clipped, 0
        got, frac = model.deltas(at, dy, first_frac)
        assert (got.tolist(), frac) == (want.tolist(), want_frac), (bits, growth, first_frac)
        assert model.head.n_clipped == n_clipped


def test_a_share_of_just_the_next_bit(c):
    """It would not be clipped in the format of the rows above, but needs the next one."""
    layers = [
        Layer("conv", 1, (1, 1), activation="relu"),
        Layer("avgpool", kernel=(2, 2)),
        dense(1),
    ]
    model = CModel(c, (6, 4, 1), layers)
    for bits in range(14, 20):
        model.outputs(0)[:] = 1
        dy = np.array([[(1 << bits) - 5, 7], [1 << bits, 9], [1 << bits, -3]])
        got, frac = model.deltas(1, dy, 18)
        want, want_frac, _ = exact_deltas(dy.repeat(2, 0).repeat(2, 1), 20)
        assert (got.tolist(), frac) == (want, want_frac), bits
