"""e^-d in integers against e^-d."""

import math

import numpy as np
from _tinyprop_numpy import exp


def test_exp_minus(c):
    d = np.arange(70000)
    got = np.array([c.tp_exp_minus(v) for v in d.tolist()])
    assert (got == exp.exp_minus(d)).all()
    # In units of 2^-16. The table is rounded (1/2) and holds 65535 e^-d, not 65536 (e^-d); a
    # straight line is off by (ln 2 / 64)^2 / 8 of it; a step is rounded (1/2), and the shift
    # truncates (1). t is truncated (1), and 23637 is 2^14 / ln 2 to within 0.2 (d 0.2 / 2^10):
    # ln 2 e^-d for each of these.
    exact = 65536 * np.exp(-d / 4096)
    line = exact * (math.log(2) / 64) ** 2 / 8
    t = (1 + np.minimum(d, 1 << 16) * 0.2 / 1024) * math.log(2) * exact / 65536
    bound = 0.5 + exact / 65536 + line + 0.5 + 1 + t
    assert (np.abs(got - exact) <= bound).all(), np.abs(got - exact).max()
    assert (np.diff(got) <= 0).all() and got[0] == 65535 and got[1 << 16 :].max() == 0
    assert c.tp_exp_minus(2**32 - 1) == 0
