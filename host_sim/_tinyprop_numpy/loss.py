"""The output layer: its sums become errors, scores and a loss.

    crossentropy   p = softmax(z);  loss = -ln p_y;  d = p - onehot(y)
    mse            loss = mean (o - t)^2 over the outputs;  d = o - t

With mse the unit is half of the target's range. Errors are Q.unit, losses Q.24.
"""

from .fixed import exp_minus, rounded, saturated, shifted
from .tables import LOG

MAX_LOSS = 0xFFFFFFFF


def log_sum(v):
    """ln(v / 65536) in Q.12: v = 2^n (1 + t), and 2839 = 2^12 ln 2."""
    n = v.bit_length() - 1
    t = (v << (31 - n)) & 0x7FFFFFFF  # Q.31
    i, fraction = t >> 25, (t >> 15) & 1023
    return (n - 16) * 2839 + int(LOG[i] + rounded((LOG[i + 1] - LOG[i]) * fraction, 10))


def logits(layer, z):
    """Q.12"""
    return shifted(z, layer.fx + layer.fw - 12, 1 << 26)


def probabilities(e):
    """e / sum e in Q.14, by one division: the sum as s 2^k with s of 16 bits, and 2^31 / s."""
    total = int(e.sum())
    k = total.bit_length() - 16
    return ((e * ((1 << 31) // (total >> k)) >> (16 + k)) + 1) >> 1


def softmax(layer, z):
    z = logits(layer, z)
    return probabilities(exp_minus(z.max() - z))


def crossentropy(layer, z, target):
    """Returns errors, loss and p of the target. The loss comes from the logits, so it is never the
    logarithm of 0: (max - z_y) + ln sum e^(z - max)."""
    z = logits(layer, z)
    e = exp_minus(z.max() - z)
    loss = int(z.max() - z[target]) + log_sum(int(e.sum()))
    d = probabilities(e)
    p_target = int(d[target])
    d[target] -= 1 << 14
    loss = max(loss, 0)  # but for rounding it is
    return d, loss << 12 if loss < 1 << 20 else MAX_LOSS, p_target


def output(layer, z):
    """Q.14 of the half range, within +-2."""
    return shifted(z, layer.fx + layer.fw - 14, 32767)


def mse(model, layer, z, targets):
    """Returns errors, clipped at +-1.0, and loss."""
    o = output(layer, z)
    model.head.n_saturated += int((abs(o) == 32767).sum())
    d = o - targets
    error = rounded(d, 14 - model.unit)
    held = saturated(error, 1 << model.unit)
    model.head.n_clipped += int((held != error).sum())
    # sum / n from Q.28 to Q.24; the sum is cut to 32 bits first.
    total = int((d * d).sum())
    k = max(total.bit_length() - 32, 0)
    mean = (total >> k) // layer.n_out
    return held, mean << (k - 4) if k >= 4 else mean >> (4 - k)
