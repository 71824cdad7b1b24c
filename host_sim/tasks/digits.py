"""The handwritten digits that come with scikit-learn: 1797 scans of 8 x 8 pixels, 0 to 16."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

TEST = 360


def load():
    """(x, y) to learn from, and (x, y) of the test set; x has one row of 64 bytes per digit."""
    x, y = load_digits(return_X_y=True)
    x, test_x, y, test_y = train_test_split(x, y, test_size=TEST, stratify=y, random_state=0)
    return (x.astype("u1"), y.astype("u1")), (test_x.astype("u1"), test_y.astype("u1"))


def write(path):
    """The file that examples/digits.py reads: the test set first, then the others."""
    train, test = load()
    records = [np.column_stack(part) for part in (test, train)]
    path.write_bytes(np.vstack(records).tobytes())
