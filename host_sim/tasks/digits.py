"""The handwritten digits that come with scikit-learn: 1797 scans of 8 x 8 pixels, 0 to 16."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

EXAM = 360


def load():
    """(x, y) to learn from and (x, y) for the exam; x of one row of 64 bytes a digit."""
    x, y = load_digits(return_X_y=True)
    x, exam_x, y, exam_y = train_test_split(x, y, test_size=EXAM, stratify=y, random_state=0)
    return (x.astype("u1"), y.astype("u1")), (exam_x.astype("u1"), exam_y.astype("u1"))


def write(path):
    """The file that examples/digits.py reads: the exam's digits first, then the others."""
    train, exam = load()
    records = [np.column_stack(part) for part in (exam, train)]
    path.write_bytes(np.vstack(records).tobytes())
