"""The user's numbers to integers and back."""

import ctypes
import math
from array import array
from fractions import Fraction

import images
import numpy as np
import pytest
from _tinyprop_numpy import values
from exact import INT_MAX
from headers import TYPES
from images import BACKENDS, Error, Image, dense
from native import as_c

# ---- float32 and fixed point, against exact numbers

FLOATS = [0.0, 1.0, 1.5, 255.0, 1 / 3, 1e-3, 16777215.0, 1e9, 3.4e38, 1e-30, 1.2e-38, 1e-39]
FLOATS = [float(np.float32(v)) for v in FLOATS]
FRACS = (-100, -30, -1, 0, 1, 12, 28, 60, 155)


def away_from_0(v):
    """To the nearest integer, halves away from 0."""
    return math.copysign(math.floor(abs(v) + Fraction(1, 2)), v)


def bits_of(v):
    return int(np.float32(v).view(np.uint32))


def test_fixed_from_float(c):
    for size in FLOATS:
        for v in (size, -size):
            exact = Fraction(v) if size >= np.finfo(np.float32).tiny else Fraction(0)
            for frac in FRACS:
                want = max(-(1 << 30), min(1 << 30, away_from_0(exact * Fraction(2) ** frac)))
                assert c.tp_fixed_from_float(bits_of(v), frac) == want, (v, frac)
                assert values.fixed_from_float(v, frac) == want, (v, frac)


def test_float_from_fixed(c):
    sizes = [0, 1, 3, 2**24 - 1, 2**24, 2**24 + 1, 2**24 + 3, 2**29, 2**30 + 2**5, INT_MAX]
    for v in sizes + [-size for size in sizes]:
        for frac in (-99, -96, -30, 0, 14, 126, 149, 155):
            got = np.uint32(c.tp_float_from_fixed(v, frac)).view(np.float32)
            exact = Fraction(v) / Fraction(2) ** frac
            if abs(exact) > Fraction(3.4028235e38):
                want = math.copysign(float(np.finfo(np.float32).max), v)
            elif abs(exact) < Fraction(float(np.finfo(np.float32).tiny)):
                want = 0.0
            else:
                unit = Fraction(2) ** max(abs(v).bit_length() - 24, 0)  # of a mantissa of 24 bits
                want = float(Fraction(away_from_0(v / unit)) * unit / Fraction(2) ** frac)
            assert got == want == values.float_from_fixed(v, frac), (v, frac)


# ---- items of every type

ENDS = {code: np.iinfo(np.dtype(code)) for code in "bBhHiIlLqQ"}


@pytest.mark.parametrize("typecode", ENDS)
def test_integers_of_every_type(c, typecode):
    """Saturated at +-(2^31 - 1), from any address."""
    low, high = int(ENDS[typecode].min), int(ENDS[typecode].max)
    some = {low, low + 1, -1, 0, 1, 100, high - 1, high, INT_MAX - 1, INT_MAX, INT_MAX + 1}
    some |= {-INT_MAX, -INT_MAX - 1, 2**32, -(2**32), 2**40 + 5}
    items = array(typecode, [v for v in sorted(some) if low <= v <= high])
    want = [max(-INT_MAX, min(INT_MAX, v)) for v in items]
    assert values.saturated_integers(np.array(items)).tolist() == want
    for shift in (0, 1):
        raw = ctypes.create_string_buffer(bytes(shift) + items.tobytes())
        v = TYPES["tp_values_t"](ctypes.addressof(raw) + shift, len(items), typecode.encode())
        assert [c.tp_integer_at(as_c(v), ctypes.c_size_t(i)) for i in range(len(items))] == want


@pytest.mark.parametrize("typecode", ["b", "B", "i", "q", "f"])
def test_items_in_fixed_point(c, typecode):
    """Subnormal numbers are 0."""
    some = FLOATS if typecode == "f" else [0, 1, 2, 3, 64, 100, 127, 2**30, INT_MAX, 2**40]
    some = some + [-v for v in some]
    if typecode != "f":
        some = [v for v in some if ENDS[typecode].min <= v <= ENDS[typecode].max]
    items = array(typecode, some)
    v = TYPES["tp_values_t"](items.buffer_info()[0], len(items), typecode.encode())
    for i, item in enumerate(items):
        exact = Fraction(max(-INT_MAX, min(INT_MAX, item)) if typecode != "f" else item)
        if abs(exact) < Fraction(float(np.finfo(np.float32).tiny)):
            exact = Fraction(0)
        for frac in FRACS:
            # Integers are rounded like all integers of the model, halves up.
            nearest = away_from_0 if typecode == "f" else lambda x: math.floor(x + Fraction(1, 2))
            want = max(-(1 << 30), min(1 << 30, nearest(exact * Fraction(2) ** frac)))
            assert c.tp_fixed_at(as_c(v), ctypes.c_size_t(i), frac) == want, (item, frac)
            assert values.to_fixed(np.array(items)[i], frac) == want, (item, frac)


# ---- from the user's numbers to the user's numbers


def identity(backend, ends):
    """A model whose output is its input: one weight of 1.0, and the same range on both sides."""
    buffer = images.build(BACKENDS[backend], (1, 1, 1), [dense(1)], "mse", ranges=([ends], [ends]))
    model = Image(buffer)
    model.layers[0].w_frac = 14
    model.weights(0)[:], model.biases(0)[:] = 1 << 14, 0
    return buffer


def predicted(backend, buffer, x):
    out = array("f", [0])
    assert BACKENDS[backend].predict(buffer, x, out) == 0
    return out[0]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "ends", [(-1, 1), (0, 255), (95000, 105000), (-3e-30, 5e-30), (-2e30, 1e30), (1e6, 1e6 + 1)]
)
def test_a_number_comes_back(backend, ends):
    """To half a step of 2^-10 of half the range, and what a map of 16 bits loses; clamped to twice
    the range."""
    lo, hi = (float(np.float32(end)) for end in ends)
    half, middle = (hi - lo) / 2, (hi + lo) / 2
    buffer = identity(backend, (lo, hi))
    for share in (-2.5, -2, -1, -0.7, -0.001, 0, 0.3, 1, 1.9, 2.5):
        v = float(np.float32(middle + share * half))
        got = predicted(backend, buffer, array("f", [v]))
        want = middle + max(-2047 / 1024, min(2047 / 1024, (v - middle) / half)) * half
        close = half * (2**-11 + 2 * 2**-12) + abs(middle) * 2**-23
        assert abs(got - want) <= close, (share, got, want)


@pytest.mark.parametrize("backend", BACKENDS)
def test_numbers_of_every_type_are_the_same_numbers(backend):
    buffer = identity(backend, (-100, 100))
    for v in (0, 1, 7, 99, 127, -1, -50, -128):
        want = predicted(backend, buffer, array("f", [v]))
        for typecode in ENDS:
            if ENDS[typecode].min <= v:
                assert predicted(backend, buffer, array(typecode, [v])) == want, (v, typecode)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_no_number_is_refused(backend):
    buffer = identity(backend, (-1, 1))
    for x, error in (
        (array("f", [float("nan")]), Error.X_FINITE),
        (array("f", [float("-inf")]), Error.X_FINITE),
        (array("f", [0, 0]), Error.X_LENGTH),
        (array("f"), Error.X_LENGTH),
        (array("d", [0]), Error.X_TYPE),
        ([0.0], Error.X_TYPE),
    ):
        assert BACKENDS[backend].predict(buffer, x, None) == error, x
        before = bytes(buffer)
        assert BACKENDS[backend].learn(buffer, x, array("f", [0])) == error
        of_y = Error[error.name.replace("X", "Y")]
        assert BACKENDS[backend].learn(buffer, array("f", [0]), x) == of_y, x
        assert images.saved(buffer) == images.saved(bytearray(before))
