"""Tables of functions, from their formulas."""

import numpy as np


def table(values):
    return np.floor(values + 0.5).astype(np.int64)


EXP2 = table(65535 * 2.0 ** (-np.arange(65) / 64))
LOG = table(4096 * np.log(1 + np.arange(65) / 64))
