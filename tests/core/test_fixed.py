"""fixed.h against exact arithmetic, tables.h against its formulas, e^-d against e^-d."""

import ctypes
import math
from fractions import Fraction

import native
import numpy as np
import pytest
from _tinyprop_numpy import fixed

from host_sim.generate import tables

INT_MIN, INT_MAX = -(2**31), 2**31 - 1
POWERS = [2**k for k in (0, 1, 2, 3, 7, 8, 14, 15, 16, 24, 29, 30)]
VALUES = sorted(
    {s * p + d for p in POWERS for s in (-1, 1) for d in (-1, 0, 1)}
    | {INT_MIN, INT_MIN + 1, -INT_MAX + 1, 0, 12345, -12345, INT_MAX - 1, INT_MAX}
)
LIMITS = (0, 1, 127, 32767, 1 << 26, 1 << 30, INT_MAX)


@pytest.fixture(scope="module")
def c(tmp_path_factory):
    source = native.ROOT / "tests" / "core" / "fixed_functions.c"
    library = native.library(tmp_path_factory.mktemp("core"), source)
    library.tp_exp_minus.restype = library.tp_sum_of_sizes.restype = ctypes.c_uint32
    library.tp_exp_minus.argtypes = library.tp_bits.argtypes = [ctypes.c_uint32]
    return library


def exact_round(v, s):
    return math.floor(Fraction(v, 2**s) + Fraction(1, 2))


def clamp(v, limit):
    return max(-limit, min(limit, v))


def test_round(c):
    for v in VALUES:
        for s in range(70):
            assert c.call_round(v, s) == exact_round(v, s) == fixed.rounded(v, s), (v, s)


def test_shift(c):
    for v in VALUES:
        for s in range(-70, 70):
            exact = exact_round(v, s) if s >= 0 else v << -s
            for limit in LIMITS:
                want = clamp(exact, limit)
                assert c.tp_shift(v, s, limit) == want, (v, s, limit)
                assert fixed.shifted(v, s, limit) == want, (v, s, limit)


def test_scale_is_shift_but_for_the_limit(c):
    for v in VALUES:
        for s in range(-70, 70):
            want = exact_round(v, s) if 1 <= s <= 31 else c.tp_shift(v, s, 32767)
            assert c.call_scale(v, s, 32767) == want, (v, s)


def test_saturation_and_size(c):
    for v in VALUES:
        assert c.call_abs(v) == (INT_MIN if v == INT_MIN else abs(v))
        assert c.tp_bits(v % 2**32) == (v % 2**32).bit_length()
        for limit in LIMITS:
            assert c.call_sat(v, limit) == clamp(v, limit) == fixed.saturated(v, limit)


def test_sums_and_products_are_modulo_2_32(c):
    for a in VALUES:
        for b in VALUES:
            assert c.call_add(a, b) == ctypes.c_int32(a + b).value
            assert c.call_mul(a, b) == ctypes.c_int32(a * b).value
            assert fixed.wrap(a + b) == ctypes.c_int32(a + b).value


@pytest.mark.parametrize("n", [0, 1, 2, 65533, 65534])
def test_sum_of_sizes(c, n):
    v = np.full(n, -(1 << 14), np.int16)
    assert c.tp_sum_of_sizes(v.ctypes.data_as(ctypes.c_void_p), n) == n << 14 < 1 << 30


def test_tables_are_what_their_formulas_say():
    assert tables.HEADER.read_text() == tables.text()


def test_exp_minus(c):
    d = np.arange(70000)
    got = np.array([c.tp_exp_minus(v) for v in d.tolist()])
    assert (got == fixed.exp_minus(d)).all()
    # In units of 2^-16. The table is rounded (1/2) and stands for 65535 e^-d (e^-d); a straight
    # line is off by (ln 2 / 64)^2 / 8 of it; a step is rounded (1/2), and the shift cuts (1). t is
    # cut (1), and 23637 is 2^14 / ln 2 to within 0.2 (d 0.2 / 2^10): ln 2 e^-d for each of those.
    exact = 65536 * np.exp(-d / 4096)
    line = exact * (math.log(2) / 64) ** 2 / 8
    t = (1 + np.minimum(d, 1 << 16) * 0.2 / 1024) * math.log(2) * exact / 65536
    bound = 0.5 + exact / 65536 + line + 0.5 + 1 + t
    assert (np.abs(got - exact) <= bound).all(), np.abs(got - exact).max()
    assert (np.diff(got) <= 0).all() and got[0] == 65535 and got[1 << 16 :].max() == 0
    assert c.tp_exp_minus(2**32 - 1) == 0
