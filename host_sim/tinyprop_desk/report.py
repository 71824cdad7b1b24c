"""How a Model answers, beside the network in floating point that it came from."""

import numpy as np

from .boards import where_it_fits


def compare(model, x, outputs, y=None):
    """A text. x, outputs, y: as the functions of this package have them."""
    scores = scores_of(model, x)
    difference = np.abs(scores - outputs)
    lines = [repr(model)]
    if model._mse:
        spread = outputs.std(0).mean() or 1.0
        lines.append(
            f"{len(x)} samples: the integers differ from floats by"
            f" {difference.mean():.3g} in the mean, {difference.max():.3g} at most"
            f" ({difference.mean() / spread:.2%} and {difference.max() / spread:.2%} of a standard"
            " deviation)"
        )
        if y is not None:
            y = np.asarray(y, float).reshape(outputs.shape)
            errors = [np.sqrt(np.mean((v - y) ** 2)) for v in (outputs, scores)]
            lines.append(f"root mean square error: float {errors[0]:.4g}, integer {errors[1]:.4g}")
    else:
        same = np.mean(scores.argmax(1) == outputs.argmax(1))
        lines.append(
            f"{len(x)} samples: the same answer for {same:.1%}; probabilities differ by"
            f" {difference.max(1).mean():.4f} in the mean, {difference.max():.3f} at most"
        )
        if y is not None:
            right = [np.mean(v.argmax(1) == np.asarray(y)) for v in (outputs, scores)]
            lines.append(f"accuracy: float {right[0]:.2%}, integer {right[1]:.2%}")
    lines.append(where_it_fits(model))
    return "\n".join(lines)


def scores_of(model, x):
    """Probabilities or outputs, [samples, units]."""
    scores = np.empty((len(x), model._n_out), np.float32)
    for sample, row in zip(np.ascontiguousarray(x, np.float32), scores, strict=True):
        model.predict_into(sample, row)
    return scores
