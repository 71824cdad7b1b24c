"""The learning rate of a layer, when none is given.

    lr = min(c_t / sqrt(q), 1 / q), rounded to a power of two
    c_t = c max(1, 3 / (1 + t / 256))        t: steps so far, c: the rate in the spec

q is the energy of the layer's centred inputs (centre.py): a step of rate 1 / q on one sample would
set its error to 0 (normalised LMS, Widrow and Hoff), so more is never right.

With lr = 2^-n, n is the least for which q / c_t^2 <= 2^(2n+1) and q^2 <= 2^(2n+1).
"""

SETTLES_AT = 768  # c_t ends its fall when t + 256 reaches this


def log2_up(a, b):
    """The least e for which a <= b 2^e."""
    e = a.bit_length() - b.bit_length()
    return e + (a << max(-e, 0) > b << max(e, 0))


def set_rate(model, layer):
    spec, energy = model.spec, max(layer.state.energy, 256)
    layer.lr_mantissa, layer.lr_shift = spec.lr_mantissa, spec.lr_shift
    if not spec.auto_rate:
        return
    # q = q12 2^e, where the energy is Q.8 and q12 has 12 bits. c_t = 768 m / t 2^-lr_shift.
    k = max(energy.bit_length() - 12, 0)
    q12, e = energy >> k, k - 8
    t = min(model.state.steps + 256, SETTLES_AT)
    by_root = log2_up(q12 * t**2, (SETTLES_AT * spec.lr_mantissa) ** 2) + e + 2 * spec.lr_shift
    by_energy = log2_up(q12**2, 1) + 2 * e
    n = max(by_root >> 1, by_energy >> 1)
    layer.lr_mantissa, layer.lr_shift = 16, min(max(n + 4, 4), 30)
