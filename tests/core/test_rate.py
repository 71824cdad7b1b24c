"""The rate that a layer finds for itself, against its formula in floating point."""

import math

import numpy as np
import pytest
from _tinyprop_numpy import rate
from images import dense
from native import CModel

RATES = [(16, 4), (31, 4), (16, 7), (26, 8), (31, 12), (16, 30)]  # 1.0, ..., 2^-26
STEPS = [1, 2, 64, 255, 256, 257, 511, 512, 513, 1000, 2815, 2816, 2817, 10**6, 2**33]


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
@pytest.mark.parametrize("loss, settled", [("crossentropy", 512), ("mse", 2816)])
def test_the_least_of_two_rates_as_a_power_of_two(c, mantissa, shift, loss, settled):
    """min(c_t / sqrt(q), 1 / q), where c_t falls from c to a third of it, with mse a twelfth: the
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


UNIT = 1 << 12  # of the sums that errors and spreads are compared by


def braked(model, errors, spreads, n_seen=1024):
    """What tp_brake says in both backends, if outputs have these mean errors and spreads, Q.12."""
    model.head.n_seen = model.twin.state.n_seen = np.array([0, n_seen])
    model.twin.tally[:] = np.asarray(errors) << 16
    model.learned(1)["spread"], model.learned(1)["shift"] = np.asarray(spreads) << 8, 20
    brake = model.call("tp_brake", None)
    assert brake == rate.brake(model.twin)
    return brake


@pytest.mark.parametrize("n_out", [1, 3, 200])
def test_brake(c, n_out):
    """0 up to errors of 3/4 of the spreads, 1 up to 7/8, 2 above, all outputs together; but 0 in
    the first 128 samples."""
    model = CModel(c, (1, 1, 2), [dense(n_out)], "mse", auto_rate=1)
    spreads = np.random.default_rng(n_out).integers(UNIT // 5, UNIT // 2, n_out)
    spreads[0] += -spreads.sum() % 8
    for edge, below in ((6, 0), (7, 1)):
        errors = spreads * edge // 8
        errors[0] += spreads.sum() * edge // 8 - errors.sum()
        assert braked(model, errors, spreads) == below
        errors[-1] += 1
        assert braked(model, errors, spreads) == below + 1
    assert braked(model, errors, spreads, 127) == 0
    assert braked(model, errors, spreads, 128) == 2


def test_brake_at_the_bound_of_its_sums(c):
    """Errors and spreads of 1.0, the most that there are, of as many outputs as there may be."""
    n_out = 65534
    model = CModel(c, (1, 1, 1), [dense(n_out)], "mse", auto_rate=1)
    most = np.full(n_out, UNIT)
    for eighths, brake in (8, 2), (7, 1), (6, 0):
        assert braked(model, most * eighths // 8, most) == brake
    assert braked(model, most, most * 100) == 2  # more counts as 1.0


def test_a_rate_that_is_given_has_no_brake(c):
    model = CModel(c, (1, 1, 2), [dense(1)], "mse")
    assert braked(model, [UNIT], [UNIT]) == 0


def test_each_brake_halves_rates(c):
    model = CModel(c, (1, 1, 2), [dense(2)], "mse", auto_rate=1, lr_mantissa=16, lr_shift=8)
    shifts = []
    for error in (0, 6500, 8000):
        assert braked(model, [error, 0], [UNIT, UNIT]) == len(shifts)
        model.set_rates()
        shifts.append(model.layers[0].lr_shift)
    assert shifts == [shifts[0], shifts[0] + 1, shifts[0] + 2]


def test_no_brake_where_no_spread_is_known(c):
    given = CModel(c, (1, 1, 2), [dense(2)], "mse", ranges=([], [(0, 1)]), auto_rate=1)
    classes = CModel(c, (1, 1, 2), [dense(2)], auto_rate=1)
    for model in (given, classes):
        model.head.n_seen = model.twin.state.n_seen = np.array([0, 1024])
        model.twin.tally[:] = 1 << 28
        assert model.call("tp_brake", None) == rate.brake(model.twin) == 0


def test_values_that_never_change_have_no_spread(c):
    model = CModel(c, (1, 1, 2), [dense(1)], "mse", auto_rate=1)
    assert braked(model, [0], [0]) == 0
    assert braked(model, [1], [0]) == 2
    model.learned(1)["shift"] = 31
    assert model.call("tp_brake", None) == rate.brake(model.twin) == 2


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
