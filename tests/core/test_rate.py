"""The rate that a layer finds for itself, against its formula in floating point."""

import math

import numpy as np
import pytest
from _tinyprop_numpy import rate
from images import dense
from native import CModel

RATES = [(16, 4), (31, 4), (16, 7), (26, 8), (31, 12), (16, 30)]  # 1.0, ..., 2^-26
STEPS = [1, 2, 64, 255, 256, 257, 511, 512, 513, 1000, 2047, 2048, 2049, 10**6, 2**33]


def found(model, steps, energies):
    """(mantissa, shift) that each energy, Q.8, leads to, in both backends."""
    model.head.steps = model.twin.state.steps = steps
    for energy in energies:
        model.layers[0].energy = model.twin.layers[0].state.energy = energy
        model.set_rates()
        layer, twin = model.layers[0], model.twin.layers[0]
        assert (layer.lr_mantissa, layer.lr_shift) == (twin.lr_mantissa, twin.lr_shift), energy
        yield layer.lr_mantissa, layer.lr_shift


@pytest.mark.parametrize("mantissa, shift", RATES)
@pytest.mark.parametrize("loss, settled", [("crossentropy", 512), ("mse", 2048)])
def test_the_least_of_two_rates_as_a_power_of_two(c, mantissa, shift, loss, settled):
    """min(c_t / sqrt(q), 1 / q), where c_t falls from c to a third of it, with mse a ninth: the
    first one rounded to the nearest power of two, the second one down; 2^-26 at least, 1 at
    most."""
    settings = {"auto_rate": 1, "lr_mantissa": mantissa, "lr_shift": shift}
    model = CModel(c, (1, 1, 2), [dense(2)], loss, **settings)
    energies = [256, 257, 511, 512, 513, *np.geomspace(300, 2**30, 200).astype(int).tolist()]
    for steps in STEPS:
        c_t = mantissa * 2.0**-shift / (1 + min(steps, settled) / 256)
        rates = found(model, steps, energies)
        for energy, (got_mantissa, got_shift) in zip(energies, rates, strict=True):
            q = energy / 256
            exact = math.log2(q / c_t**2) / 2 - 0.5, math.log2(q)
            want = min(max(*map(math.ceil, exact), 0), 26)
            # The energy is cut to 8 bits, so near an edge one less may be right.
            near = any(abs(e - round(e)) < 2**-6 for e in exact)
            assert got_mantissa == 16 and 4 <= got_shift <= 30
            assert got_shift - 4 in (want, want - near), (steps, energy)


def test_edges(c):
    """A power of two is found exactly where the formula has one."""
    model = CModel(c, (1, 1, 2), [dense(2)], auto_rate=1, lr_mantissa=16, lr_shift=4)  # c = 1
    for e in range(20):  # 1 / q is least here
        rates = found(model, 0, [256 << e, (256 << e) + (2 << e)])
        assert [shift - 4 for _, shift in rates] == [e, e + 1], e
    model.head.lr_shift = model.twin.spec.lr_shift = 20  # c = 2^-16: c / sqrt(q) is, up to 2^32
    for e in range(0, 20, 2):
        # c / sqrt(2^e) = 2^-(16 + e / 2); the edge to the next one is a factor of sqrt(2).
        energies = [256 << e, 512 << e, (512 << e) + (4 << e), (1024 << e) - 1]
        n = 16 + e // 2
        assert [shift - 4 for _, shift in found(model, 0, energies)] == [n, n, n + 1, n + 1], e


def brake(model, left, n_seen=128):
    """What both backends say if this is left to learn, as a share."""
    model.head.n_seen = model.twin.state.n_seen = np.array([0, n_seen])
    said = model.call("tp_brake", None, int(left * 2**15))
    assert said == rate.brake(model.twin, int(left * 2**15))
    return said


def test_brake(c):
    """0 up to 5/8, 1 up to 3/4, 2 up to 7/8, 3 above; but 0 in the first 128 samples."""
    model, least = CModel(c, (1, 1, 2), [dense(2)], "mse", auto_rate=1), 2**-15
    shares = 0, 5 / 8, 5 / 8 + least, 3 / 4, 3 / 4 + least, 7 / 8, 7 / 8 + least, 1
    assert [brake(model, left) for left in shares] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [brake(model, left, 127) for left in shares] == [0] * 8


def test_no_brake_for_rates_given_classes_or_ranges_given(c):
    of_rate = CModel(c, (1, 1, 2), [dense(1)], "mse")
    of_classes = CModel(c, (1, 1, 2), [dense(2)], auto_rate=1)
    of_range = CModel(c, (1, 1, 2), [dense(2)], "mse", ranges=([], [(0, 1)]), auto_rate=1)
    assert [brake(model, 1) for model in (of_rate, of_classes, of_range)] == [0, 0, 0]


def test_each_brake_halves_rates(c):
    model = CModel(c, (1, 1, 2), [dense(2)], "mse", auto_rate=1, lr_mantissa=16, lr_shift=8)
    model.head.n_seen = model.twin.state.n_seen = np.array([0, 128])
    model.learned(1)["spread"], model.learned(1)["shift"] = 1 << 19, 20
    shifts = []
    for left in (0.6, 0.7, 0.8, 0.9):
        model.head.error = model.twin.state.error = int(left / 2 * 2**28)
        model.set_rates()
        shifts.append(model.layers[0].lr_shift)
    assert shifts == [shifts[0] + brake for brake in range(4)]


def test_a_rate_that_is_given_is_that_of_every_layer(c):
    for mantissa, shift in RATES:
        settings = {"lr_mantissa": mantissa, "lr_shift": shift}
        model = CModel(c, (1, 1, 2), [dense(3, "relu"), dense(2)], **settings)
        for energy in (0, 256, 2**30):
            for layer in (0, 1):
                model.layers[layer].energy = energy
                model.call("tp_set_rate", layer)
                fields = model.layers[layer]
                assert (fields.lr_mantissa, fields.lr_shift) == (mantissa, shift)


def test_an_energy_that_no_layer_has(c):
    """In a damaged image it may be below 1.0, and counts as that."""
    model = CModel(c, (1, 1, 2), [dense(2)], auto_rate=1)
    assert len(set(found(model, 5, [0, 1, 255, 256]))) == 1


def test_least_exponents():
    for a in (1, 2, 3, 255, 256, 257, 2**32 - 1):
        for b in (1, 2, 3, 1000, 2**31):
            e = rate.log2_up(a, b)
            assert a <= b * 2.0**e and a > b * 2.0 ** (e - 1)
