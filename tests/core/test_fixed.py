"""fixed.h against exact arithmetic."""

import ctypes

import numpy as np
import pytest
from _tinyprop_numpy import fixed
from exact import INT_MAX, INT_MIN, clamp, exact_round

POWERS = [2**k for k in (0, 1, 2, 3, 7, 8, 14, 15, 16, 24, 29, 30)]
VALUES = sorted(
    {s * p + d for p in POWERS for s in (-1, 1) for d in (-1, 0, 1)}
    | {INT_MIN, INT_MIN + 1, -INT_MAX + 1, 0, 12345, -12345, INT_MAX - 1, INT_MAX}
)
LIMITS = (0, 1, 127, 32767, 1 << 26, 1 << 30, INT_MAX)


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
