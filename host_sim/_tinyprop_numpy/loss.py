"""The output layer: its sums become deltas, scores and a loss.

    crossentropy   p = softmax(z);  loss = -ln p_y;  delta = p - onehot(y)
    mse            loss = mean over the outputs of (o - t)^2;  delta = o - t

With mse o and t are in units of half the target's range. Deltas are Q.delta_frac, losses Q.24.
"""

from .exp import exp_minus, log_sum
from .fixed import rshift_round, rshift_round_sat, saturate

MAX_LOSS = 0xFFFFFFFF


def logits(model, z):
    """Sums in Q.12."""
    output = model.output
    return rshift_round_sat(z, output.x_frac + output.state.w_frac - 12, 1 << 26)


def probabilities(e):
    """e / sum e in Q.14, by one division: the sum is s 2^k with s of 16 bits, and 2^31 / s."""
    total = int(e.sum())
    k = total.bit_length() - 16
    return ((e * ((1 << 31) // (total >> k)) >> (16 + k)) + 1) >> 1


def softmax(model, z):
    z = logits(model, z)
    return probabilities(exp_minus(z.max() - z))


def crossentropy(model, z, target):
    """Returns deltas, loss and the probability of the target, Q.14. The loss comes from the
    logits, so it is never the logarithm of 0: (max - z_y) + ln sum e^(z - max)."""
    z = logits(model, z)
    e = exp_minus(z.max() - z)
    loss = int(z.max() - z[target]) + log_sum(int(e.sum()))
    delta = probabilities(e)
    p_target = int(delta[target])
    delta[target] -= 1 << 14
    loss = max(loss, 0)  # rounding can make it negative
    return delta, loss << 12 if loss < 1 << 20 else MAX_LOSS, p_target


def mse_output(model, z):
    """Outputs in Q.14 of half the range, within +-2.0."""
    output = model.output
    return rshift_round_sat(z, output.x_frac + output.state.w_frac - 14, 32767)


def mse(model, z, targets):
    """Returns deltas, clipped to +-1.0, and the loss."""
    o = mse_output(model, z)
    model.state.n_saturated += int((abs(o) == 32767).sum())
    difference = o - targets
    delta = rshift_round(difference, 14 - model.delta_frac)
    clipped = saturate(delta, 1 << model.delta_frac)
    model.state.n_clipped += int((clipped != delta).sum())
    # sum / n, from Q.28 to Q.24; the sum is cut to 32 bits first.
    total = int((difference * difference).sum())
    k = max(total.bit_length() - 32, 0)
    mean = (total >> k) // model.output.n_out
    return clipped, mean << (k - 4) if k >= 4 else mean >> (4 - k)
