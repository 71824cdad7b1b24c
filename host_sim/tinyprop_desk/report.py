"""How a Model answers, beside the network in floating point that it came from."""

import numpy as np

from .boards import where_it_fits

FEW = 10  # samples of which fewer prove nothing
FAR = 7  # times the range of nearly all samples


def compare(model, x, outputs, y=None):
    """A text. x, outputs: as fit has them. y: as arrays.answers gives it."""
    scores = scores_of(model, x)
    difference = np.abs(scores - outputs)
    lines = [repr(model)]
    if model._mse:
        spread = spreads(outputs)
        i = (difference / spread).mean(0).argmax()
        mean, most = difference[:, i].mean(), difference[:, i].max()
        lines.append(
            f"{len(x)} samples: the integers differ from floats by"
            f" {mean:.3g} in the mean, {most:.3g} at most"
            f" ({mean / spread[i]:.2%} and {most / spread[i]:.2%} of a standard"
            f" deviation){worst(i, outputs)}"
        )
        if y is not None:
            errors = [np.sqrt(np.mean((v - y) ** 2, 0)) for v in (outputs, scores)]
            i = ((errors[1] - errors[0]) / spread).argmax()
            lines.append(
                f"root mean square error: float {errors[0][i]:.4g}, integer"
                f" {errors[1][i]:.4g}{worst(i, outputs)}"
            )
    else:
        same = np.mean(scores.argmax(1) == outputs.argmax(1))
        lines.append(
            f"{len(x)} samples: the same answer for {same:.1%}; probabilities differ by"
            f" {difference.max(1).mean():.4f} in the mean, {difference.max():.3f} at most"
        )
        if y is not None:
            right = [np.mean(v.argmax(1) == y) for v in (outputs, scores)]
            lines.append(f"accuracy: float {right[0]:.2%}, integer {right[1]:.2%}")
    if len(x) < FEW:
        lines.append(
            f"{len(x)} samples tell little, of ranges and of how well it answers: give {FEW} or"
            " more of its training set"
        )
    lines += far_off(model, x)
    lines.append(where_it_fits(model))
    return "\n".join(lines)


def spreads(outputs):
    """The standard deviation of each output, which may be in units of its own; 1 of a constant."""
    spread = outputs.std(0, dtype=float)
    return np.where(spread > 0, spread, 1.0)


def worst(i, outputs):
    return f" in output {i}, the worst of {outputs.shape[1]}" * (outputs.shape[1] > 1)


def far_off(model, x):
    """A line if a value lies so far from those of 99 of 100 samples that a range which reaches it
    leaves them less than 5 of 8 bits."""
    n_ranges = len(np.atleast_2d(model.input_range))
    x = x.reshape(len(x), -1, n_ranges)
    few = len(x) // 100 + 1
    if len(x) <= 2 * few:
        return []
    lo, hi = np.sort(x.min(1), 0)[few], np.sort(x.max(1), 0)[-few - 1]
    off = (np.maximum(x - hi, lo - x) - FAR * (hi - lo)) * (hi > lo)
    if off.max() <= 0:
        return []
    sample, i, j = np.unravel_index(off.argmax(), off.shape)
    return [
        f"x[{sample}] holds {x[sample, i, j]:.4g}, and most others {lo[j]:.4g} to {hi[j]:.4g}: if"
        " that is a mistake, leave this sample away, as the range of inputs reaches it"
    ]


def scores_of(model, x):
    """Probabilities or outputs, [samples, units]."""
    scores = np.empty((len(x), model._n_out), np.float32)
    for sample, row in zip(np.ascontiguousarray(x, np.float32), scores, strict=True):
        model.predict_into(sample, row)
    return scores
