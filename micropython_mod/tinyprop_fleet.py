"""A board as one of many that learn a model together. `tinyprop.fleet` is this file."""

from tinyprop import _LISTS, _items


def learn(model, x, y, turn, steps):
    """`steps` steps on the samples x, y, as of learn_many, going on where turn - 1 ended.

    All samples come up as often, those that lie side by side far from each other: they may have
    been collected one class after the other.
    """
    n = samples(model, x)
    stride = _stride(n)
    at = (turn - 1) * steps % n * stride % n
    for _ in range(steps):
        model.learn(_part(x, at, n, model._n_in), _part(y, at, n, model._n_out))
        at = (at + stride) % n


def samples(model, x):
    """How many samples x has."""
    return len(x) if isinstance(x, _LISTS) else _items(x) // model._n_in


def _stride(n):
    """The golden section of n, or what is next to it and has no divisor in common with n."""
    stride = max(1, n * 144 // 233)
    while _divisor(stride, n) != 1:
        stride += 1
    return stride


def _divisor(a, b):
    while b:
        a, b = b, a % b
    return a


def _part(values, i, n, size):
    """Those of sample i of n."""
    if len(values) == n:
        return values[i]
    return memoryview(values)[i * size : (i + 1) * size]
