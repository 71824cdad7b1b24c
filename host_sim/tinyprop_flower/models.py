"""Models as what travels: files, in bytes."""

import gc
import io

import tinyprop as tp
from tinyprop_fleet import learn


def load(file):
    """The model in a file. tinyprop collects garbage before each model, which a board needs; here
    there are as many objects as Flower has, all of which it would look at."""
    gc.freeze()
    try:
        return tp.load(io.BytesIO(file))
    finally:
        gc.unfreeze()


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
