"""Models as what travels: files, in bytes."""

import gc
import io
from functools import cache

import tinyprop as tp
from tinyprop_fleet import learn


@cache
def small_heap():
    """tinyprop collects garbage before each model, which a board needs; here there are as many
    objects as Flower has, all of which it would look at each time."""
    gc.collect()
    gc.freeze()


def load(file):
    """The model in a file."""
    small_heap()
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
