"""The handwritten digits that come with scikit-learn: 1797 scans of 8 x 8 pixels, 0 to 16.

They are the half of "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998; UCI
Machine Learning Repository, CC BY 4.0) that was set apart for tests. digits.bin has them as
examples/digits.py reads them, the test set first, so that the demo needs no scikit-learn.
"""

import shutil
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".bin")
TEST = 360


def load():
    """(x, y) to learn from, and (x, y) of the test set; x has one row of 64 bytes per digit."""
    records = np.fromfile(FILE, "u1").reshape(-1, 65)
    x, y = records[:, :64].copy(), records[:, 64].copy()
    return (x[TEST:], y[TEST:]), (x[:TEST], y[:TEST])


def write(path):
    """The file that examples/digits.py reads."""
    shutil.copyfile(FILE, path)
