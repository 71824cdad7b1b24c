"""The user's numbers in and out: integers or float32, mapped to the model's integers.

A range (lo, hi) is turned into fixed point once: f is chosen so that the larger of |lo|, |hi| lies
in [2^28, 2^29). A value becomes v in Q.f, |v| <= 2^30 by saturation; what it is above `zero` is
shortened to d, in which the width of the range has at most 16 bits, and held within twice that
width; and then q = round(d * gain / 2^post):

    inputs, 8 bits    lo >= 0: lo..hi -> 0..255 (Q.8)   lo < 0: lo..hi -> -127..127 (Q.7)   post 20
    inputs, 12 bits   lo..hi -> -1024..1024 (Q.10), clamped at +-2047: twice the range      post 17
    targets           lo..hi -> -2^14..2^14 (Q.14), clamped at +-2^15                       post 13

All of it is integers in the C core. Here float64 stands for the numbers; it holds a float32 times
any power of two, and every sum below, exactly.
"""

import numpy as np

from .fixed import rounded, saturated, shifted

SATURATED = 1 << 30
MAX_FLOAT = float(np.finfo(np.float32).max)
MIN_FLOAT = float(np.finfo(np.float32).tiny)  # the smallest normal one
MAX_INT = 2**31 - 1


def fixed_from_float(x, f):
    """float32 -> Q.f, halves away from zero, within +-2^30; subnormal numbers are 0."""
    x = np.asarray(x, np.float64)
    size = np.minimum(np.floor(np.ldexp(np.abs(x), f) + 0.5), SATURATED)
    size = np.where(np.abs(x) < MIN_FLOAT, 0, size)
    return (np.sign(x) * size).astype(np.int64)


def float_from_fixed(v, f):
    """The float32 nearest to v 2^-f, halves away from zero."""
    excess = max(abs(v).bit_length() - 24, 0)
    x = np.ldexp(float(rounded(abs(v), excess) << excess), -f)
    x = 0.0 if x < MIN_FLOAT else min(x, MAX_FLOAT)
    return np.copysign(x, v)


def range_exponent(lo, hi):
    """f such that lo and hi fill 29 bits."""
    size = max(abs(lo), abs(hi))
    return 29 - int(np.frexp(size)[1]) if size >= MIN_FLOAT else 155


def is_known(r):
    return any(r.item.tobytes()[:8])


def has_width(r):
    return not is_known(r) or bool(np.isfinite([r.lo, r.hi]).all() and r.lo < r.hi)


def is_sound(r):
    """Safe even for what a damaged image may hold: fields of the right size, if of no sense."""
    if not is_known(r):
        return r.post == 0
    return (
        has_width(r)
        and -(1 << 29) <= r.zero <= 1 << 29
        and r.width >= 2
        and r.width.bit_length() + r.gain.bit_length() <= 30  # 2 width gain < 2^31
        and -100 <= r.f <= 155
        and r.pre <= 14
        and 13 <= r.post <= 20
    )


def are_known(model, which):
    return all(r.post != 0 for r in model.ranges(which))


def derive(r, span, post, centred):
    """Q.f of a range, and the gain that makes `span` integers of its width."""
    r.f = range_exponent(r.lo, r.hi)
    lo, hi = fixed_from_float([r.lo, r.hi], r.f).tolist()
    width = max(hi - lo, 2)
    r.zero = lo + (width >> 1) if centred else lo
    r.pre = max(width.bit_length() - 16, 0)
    r.width = width >> r.pre
    r.gain = (span << post) // r.width
    r.post = post


def derive_all(model):
    head, inputs = model.head, model.ranges(0)
    head.in_signed = int(head.bits == 12 or any(r.lo < 0 for r in inputs))
    span = 2048 if head.bits == 12 else 254 if head.in_signed else 255
    for r in filter(is_known, inputs):
        derive(r, span, 17 if head.bits == 12 else 20, bool(head.in_signed))
    for r in filter(is_known, model.ranges(1)):
        derive(r, 1 << 15, 13, True)


def learn(model, which, values):
    """Widens the ranges so that they hold the values too, with a quarter of the width to spare on
    each side that grew. Values that are all >= 0 never get a range that starts below 0."""
    ranges = model.ranges(which)
    changed = False
    for c, r in enumerate(ranges):
        changed |= widen(r, *extremes(values[c :: len(ranges)]))
    if changed:
        derive_all(model)


def extremes(values):
    lowest, highest = values.min(), values.max()
    if values.dtype.kind == "f":
        # Adding 0 makes a 0 of a -0; numbers below the normal ones count as 0.
        return [float(v) if abs(v) >= MIN_FLOAT else 0.0 for v in (lowest, highest)]
    clipped = (min(max(int(v), -MAX_INT), MAX_INT) for v in (lowest, highest))
    return [float_from_fixed(v, 0) for v in clipped]


def widen(r, lowest, highest):
    grew_lo = not is_known(r) or lowest < r.lo
    grew_hi = not is_known(r) or highest > r.hi
    lo, hi = lowest if grew_lo else r.lo, highest if grew_hi else r.hi
    if not (grew_lo or grew_hi):
        return False
    if lo == hi == 0:
        hi = 1.0  # nothing but zeros so far: 0..1
    f = range_exponent(lo, hi)
    a, b = fixed_from_float([lo, hi], f).tolist()
    margin = abs(b) >> 2 if b - a < 8 else (b - a) >> 2
    if grew_lo:
        a -= a if 0 <= a < margin else margin
    if grew_hi:
        b += margin
    r.lo, r.hi = float_from_fixed(a, f), float_from_fixed(b, f)
    return True


def to_integers(ranges, values, lo, hi):
    """Each value as an integer of the model, its range taken in turn, within lo..hi."""
    result = np.empty(len(values), np.int64)
    for c, r in enumerate(ranges):
        v = values[c :: len(ranges)]
        if v.dtype.kind == "f":
            fixed = fixed_from_float(v, r.f)
        else:
            fixed = shifted(saturated_integers(v), -r.f, SATURATED)
        d = saturated((fixed - r.zero) >> r.pre, 2 * r.width)
        result[c :: len(ranges)] = rounded(d * r.gain, r.post)
    return np.clip(result, lo, hi)


def saturated_integers(v):
    if v.dtype == np.uint64:  # the one type that int64 does not hold
        v = np.minimum(v, MAX_INT)
    return saturated(v.astype(np.int64), MAX_INT)


def read_inputs(model, values):
    """Values of a sample -> activations of the input."""
    head, ranges = model.head, model.ranges(0)
    inputs = model.inputs(model.layers[0])
    unsigned = head.bits == 8 and not head.in_signed
    is_bytes = values.dtype == np.uint8 and unsigned and len(ranges) == 1
    if is_bytes and (ranges[0].lo, ranges[0].hi) == (0, 255):
        inputs[:] = values
        return
    hi = 2047 if head.bits == 12 else 255 if unsigned else 127
    inputs[:] = to_integers(ranges, values, 0 if unsigned else -hi, hi)


def read_targets(model, values):
    """Targets of a sample, Q.14 of the half range, within +-2."""
    return to_integers(model.ranges(1), values, -(2 << 14), 2 << 14)


def values_of_outputs(model, outputs):
    """Outputs, Q.14 of the half range, in the user's units."""
    ranges = model.ranges(1)
    ranges = ranges * len(outputs) if len(ranges) == 1 else ranges
    return [
        float_from_fixed(r.zero + int(shifted(o * r.width, 15 - r.pre, SATURATED)), r.f)
        for r, o in zip(ranges, outputs.tolist(), strict=True)
    ]
