"""The kernels of the PC's processor, by the contracts in kernels/kernels.h."""

import numpy as np
import pytest
from native import as_c


@pytest.mark.parametrize("n", [0, 1, 2, 65533, 65534])
def test_l1_norm(c, n):
    v = np.full(n, -(1 << 14), np.int16)
    assert c.tp_l1_norm(as_c(v), n) == n << 14 < 1 << 30
