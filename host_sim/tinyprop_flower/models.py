"""Models as what travels: files, in bytes."""

import io

import tinyprop as tp
from tinyprop_fleet import learn


def load(file):
    """The model in a file."""
    return tp.load(io.BytesIO(file))


def saved(model):
    """The file of a model."""
    file = io.BytesIO()
    model.save(file)
    return file.getvalue()


def learned(file, x, y, turn, steps):
    """What a board makes of the file of a model, from its samples x, y."""
    model = load(file)
    learn(model, x, y, turn, steps)
    return saved(model)
