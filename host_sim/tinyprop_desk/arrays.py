"""Numbers of numpy, pandas and others that can be arrays, as the core takes them."""

from numbers import Real

import numpy as np
from tinyprop_words import _check_shape, _has_shape

MOST = 2**31 - 1  # what the core counts integers beyond as: they come to it as floats

CONSTANT = 2.0**-45  # of a number: a spread that is but rounding of float64


def samples(name, values, shape, total):
    """Numbers of a kind that the core takes, in one row. name: x or y, for errors; shape: of a
    sample; total: how many there are, None where it is one and no row of them."""
    a = numbers(name, values)
    _check_shape(name, a.shape, shape, total)
    return a.reshape(-1)


def numbers(name, values):
    """An array of a kind that the core takes, in one piece. name: x or y, for errors."""
    a = as_array(name, values)
    if a.dtype.char in "bBhHif" and a.dtype.isnative:
        return np.ascontiguousarray(a)
    if a.dtype.kind in "iu" and (a.size == 0 or -MOST <= a.min() and a.max() <= MOST):
        return np.ascontiguousarray(a, np.int32)
    with np.errstate(over="ignore"):
        floats = np.ascontiguousarray(a, np.float32)
    beyond = np.isfinite(a) & ~np.isfinite(floats).reshape(a.shape)
    if beyond.any():
        raise ValueError(
            f"{described(name, a)} holds {a[beyond][0]}, and float32 ends at 3.4e38: scale it"
        )
    return floats


def blurred(a):
    """The first column of numbers [sample, column] that float32 cannot hold apart: to round them
    moves them by more than a hundredth of their spread. None if there is none; what differs by no
    more than float64 rounds sums is a constant."""
    if len(a) == 0 or np.can_cast(a.dtype, np.float32):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        off = np.abs(a.astype(np.float32) - a.astype(float)).max(0)
        spread = np.ptp(a, 0)
        noise = CONSTANT * np.abs(a).max(0)
        columns = np.nonzero((noise < spread) & (spread < 100 * off) & np.isfinite(off))[0]
    return int(columns[0]) if len(columns) else None


def apart(what):
    """What to do about numbers that are blurred."""
    return (
        f"{what} differs by too little for its size: float32, of 24 bits, does not hold the values"
        " apart. Subtract a constant from it, such as its least value"
    )


def class_numbers(values, n_classes, n):
    """int32 in one row; one for each of n samples if they come in several rows."""
    a = as_array("y", values)
    if a.ndim > 1:
        check_labels(a, n)
    if a.dtype.kind == "f":
        if np.isnan(a).any():
            raise ValueError(f"{described('y', a)} holds a NaN: leave such samples away, of x too")
        parts = a[a != np.floor(a)]
        if parts.size:
            raise TypeError(
                f"{described('y', a)} holds {parts[0]}, expected whole class numbers, 0 to"
                f" {n_classes - 1}; for other numbers make a Model with loss='mse'"
            )
    wrong = a[(a < 0) | (a >= n_classes)]
    if wrong.size:
        raise ValueError(
            f"{described('y', a)} holds {wrong[0]}, expected class numbers, 0 to {n_classes - 1}"
        )
    return np.ascontiguousarray(a, np.int32).reshape(-1)


def as_list(values):
    """Labels in a list; None if they are of a kind that has no names."""
    a = np.asarray(values)
    return a.ravel().tolist() if a.dtype.kind in ("U", "T", "O") else None


def names_of(classes):
    """The names that classes of scikit-learn have; None if they are no names."""
    names = as_list(classes)
    return names if names and all(isinstance(name, str) for name in names) else None


def numbers_of(classes, labels):
    """The numbers of labels, which are among the classes of scikit-learn."""
    labels = unmasked("y", labels).ravel()
    others = sorted(set(labels.tolist()) - set(np.asarray(classes).tolist()), key=str)
    if others:
        raise ValueError(
            f"y has {others[0]!r}, expected the labels that the estimator was trained on: "
            + ", ".join(map(repr, np.asarray(classes).tolist()))
        )
    return np.searchsorted(classes, labels)


def answers(y, shape, loss, names=None):
    """y beside outputs of this shape: class numbers, or numbers of the same shape. names: of the
    classes, if they have any."""
    n, units = shape
    a = unmasked("y", y)
    if loss == "mse":
        a = as_array("y", y).astype(float)
        if a.size != n * units or not _has_shape(a.shape, (units,), n):
            raise ValueError(f"{described('y', a)} is expected to have {n} x {units} numbers")
        return a.reshape(shape)
    check_labels(a, n)
    texts = as_list(a)
    if texts and all(isinstance(v, str) for v in texts):
        if not names:
            raise ValueError(
                f"y has names such as {texts[0]!r}: say classes=, all of them in the order of the"
                " outputs"
            )
        others = sorted(set(texts) - set(names))
        if others:
            raise ValueError(f"y has {others[0]!r}, expected one of {', '.join(names)}")
        return np.array([names.index(v) for v in texts])
    return class_numbers(a.ravel(), units, n)


def check_labels(y, n):
    """Raises if y has not one for each of n samples."""
    if y.size != n:
        cure = ", as numpy.argmax(y, 1) makes of a column for each class" * (y.ndim > 1)
        raise ValueError(f"{described('y', y)} is expected to have {n} labels{cure}")


def as_array(name, values):
    """An array of a kind that is numbers."""
    a = unmasked(name, values)
    if a.dtype.kind == "O" and all(isinstance(v, Real) for v in a.flat):
        a = a.astype(float)  # integers of pandas that may be missing, say
    if a.dtype.kind == "b":
        a = a.astype(np.uint8)
    if a.dtype.kind not in "iuf":
        raise TypeError(f"{described(name, a)} is of no numbers: {cure(name, values, a)}")
    return a


def unmasked(name, values):
    """An array, of which no value is masked."""
    a = np.asarray(values)
    if np.ma.is_masked(values):
        raise ValueError(
            f"{described(name, a)} is masked, expected a value in each place: leave such samples"
            f" away, of y as well, or say what they are, as {name}.filled(0) does"
        )
    return a


def described(name, a):
    return f"{name} (dtype {a.dtype}, shape {a.shape})"


def cure(name, values, a):
    """What to do about values that are no numbers."""
    if hasattr(values, "toarray"):  # a sparse matrix of scipy
        return f"give {name}.toarray()"
    dtypes = getattr(values, "dtypes", None)
    if hasattr(dtypes, "items"):  # a DataFrame
        others = [
            str(column)
            for (column, dtype), cells in zip(dtypes.items(), a.T, strict=True)
            if dtype.kind not in "biuf" or not all(isinstance(v, Real) for v in cells)
        ]
        return f"leave out, fill, or turn into numbers, the columns {', '.join(others)}"
    if name == "y":
        return "give numbers, such as numpy.unique(y, return_inverse=True)[1] for classes"
    return f"give numbers, such as {name}.astype('float32') if they are digits in text"
