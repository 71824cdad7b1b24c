"""fixed.h against exact arithmetic."""

import ctypes

from _tinyprop_numpy import fixed
from exact import INT_MAX, INT_MIN, clamp, exact_round

POWERS = [2**k for k in (0, 1, 2, 3, 7, 8, 14, 15, 16, 24, 29, 30)]
VALUES = sorted(
    {s * p + d for p in POWERS for s in (-1, 1) for d in (-1, 0, 1)}
    | {INT_MIN, INT_MIN + 1, -INT_MAX + 1, 0, 12345, -12345, INT_MAX - 1, INT_MAX}
)
LIMITS = (0, 1, 127, 32767, 1 << 26, 1 << 30, INT_MAX)


def test_rshift_round(c):
    for v in VALUES:
        for s in range(70):
            exact = exact_round(v, s)
            assert c.call_rshift_round(v, s) == exact == fixed.rshift_round(v, s), (v, s)
            assert s not in range(1, 33) or c.call_rshift_round_fast(v, s) == exact, (v, s)


def test_rshift_round_sat(c):
    for v in VALUES:
        for s in range(-70, 70):
            exact = exact_round(v, s) if s >= 0 else v << -s
            for limit in LIMITS:
                want = clamp(exact, limit)
                assert c.tp_rshift_round_sat(v, s, limit) == want, (v, s, limit)
                assert fixed.rshift_round_sat(v, s, limit) == want, (v, s, limit)


def test_saturation_and_magnitude(c):
    for v in VALUES:
        assert c.call_abs(v) == (INT_MIN if v == INT_MIN else abs(v))
        assert c.tp_bits(v % 2**32) == (v % 2**32).bit_length()
        for limit in LIMITS:
            assert c.call_sat(v, limit) == clamp(v, limit) == fixed.saturate(v, limit)
            assert c.call_beyond(v, limit) == (abs(v) > limit), (v, limit)


def test_sums_are_modulo_2_32(c):
    for a in VALUES:
        for b in VALUES:
            assert c.call_add(a, b) == ctypes.c_int32(a + b).value
            assert fixed.wrap(a + b) == ctypes.c_int32(a + b).value


def test_parts(c):
    """Rounded down, 1.0 at most; of b its highest 16 bits count."""
    values = {abs(v) for v in VALUES} | {65535, 2**32 - 2, 2**32 - 1}
    for a in values:
        for b in values:
            part = c.tp_part(a, b)
            assert part == fixed.part(a, b), (a, b)
            if a < b:
                assert a * 2**15 // b - 2 <= part <= a * 2**15 // b + 1, (a, b)
            else:
                assert part == (2**15 if a else 0), (a, b)
