"""Pools: the mean and the largest of a whole input, and deltas on their way back."""

import numpy as np
import pytest
from exact import INT_MAX, INT_MIN, MAX_VALUES
from images import Layer, dense
from native import CModel


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 4096, MAX_VALUES])
@pytest.mark.parametrize("value", [127, -127, 255, 1, -1, 0])
def test_average_of_everything(c, n, value):
    model = CModel(c, (1, n, 1), [Layer("avgpool"), dense(1)])
    x = model.inputs(0)
    x[:] = value
    x[0] = 0
    model.call("tp_pool_forward", 0)
    total = value * (n - 1)
    want = (abs(total) + n // 2) // n * (1 if total >= 0 else -1)
    assert model.outputs(0)[0] == want
    for d in (INT_MAX, -INT_MAX, INT_MIN, 1, -1, 127, 0):
        dy, dx = np.array([d], np.int32), np.full(n, 99, np.int32)
        a = model.call("tp_pool_backward", 0, dy, dx)
        assert a == n.bit_length() - 1
        share = d * ((32768 << a) // n) >> 15
        assert (dx == share).all()
        assert abs(share - d * 2**a / n) <= abs(d) / 2**14 + 1  # 14 bits of 2^a / n at least


@pytest.mark.parametrize("n", [1, 2, 5])
def test_maximum_takes_the_first(c, n):
    model = CModel(c, (1, n, 1), [Layer("maxpool"), dense(1)])
    for x in ([-5] * n, [3] * n, list(range(n)), list(range(n, 0, -1))):
        model.inputs(0)[:] = x
        model.call("tp_pool_forward", 0)
        assert model.outputs(0)[0] == max(x)
        dx = np.full(n, 99, np.int32)
        model.call("tp_pool_backward", 0, np.array([INT_MIN], np.int32), dx)
        assert dx.tolist() == [INT_MIN if i == x.index(max(x)) else 0 for i in range(n)]
