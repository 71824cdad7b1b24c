"""Random models and random data of every kind that `_tinyprop` takes."""

from array import array

import images
import numpy as np
from _tinyprop_numpy import image as im

INTEGER_TYPES = "BbHhIiLlQq"


def one_of(random, *choices):
    return choices[random.integers(len(choices))]


def layers_of(random, n_outputs):
    """Most of them fit together; some do not, which is to be found out as well."""
    layers = []
    for _ in range(random.integers(0, 4)):
        kind = one_of(random, "dense", "conv", "conv", "depthwise", "maxpool", "avgpool")
        pair = (int(random.integers(1, 4)), int(random.integers(1, 4)))
        options = {"activation": one_of(random, "linear", "relu", "relu", "sigmoid", "tanh")}
        options["trainable"] = int(random.random() < 0.8)
        if kind in ("dense", "conv"):
            options["units"] = int(random.integers(1, 12))
        if kind in ("conv", "depthwise"):
            options["stride"] = (int(random.integers(1, 4)), int(random.integers(1, 4)))
            options["same"] = int(random.integers(2))
        if kind != "dense":
            options["kernel"] = pair if random.random() < 0.9 or "conv" in kind else (0, 0)
        layers.append(images.layer(kind, **options))
    layers.append(images.dense(n_outputs, trainable=int(random.random() < 0.95)))
    return layers


def plan(random):
    shape = [int(random.integers(1, 9)) for _ in range(3)]
    if random.random() < 0.3:
        shape[:2] = 1, 1
    loss = int(random.integers(2))
    n_outputs = int(random.integers(1, 9))
    settings = {
        "policy": int(random.integers(3)),
        "s_min": int(random.choice([0, 4000, 1 << 15, random.integers(1 << 15)])),
        "s_max": int(random.choice([0, 9000, 1 << 15, random.integers(1 << 15)])),
        "zeta": int(random.choice([0, 20000, 1 << 15])),
        "skip": int(random.choice([0, 0, 1600, 8000, 1 << 14])),
        "lr_m": int(random.integers(16, 32)),
        "lr_n": int(random.integers(6, 16)),
        "learn_ranges": random.integers(0, 3, 2),
        "n_in_ranges": one_of(random, 1, shape[2]),
    }
    if loss == im.MSE:
        settings["n_out_ranges"] = one_of(random, 1, n_outputs)
    return images.plan(shape, layers_of(random, n_outputs), loss, **settings)


def floats(random, n):
    scale = one_of(random, 1.0, 1.0, 1.0, 300.0, 1e-30, 1e30, 1e-39)
    values = random.normal(0, 1, n) * scale
    if random.random() < 0.5:
        values = np.abs(values)
    values[random.random(n) < 0.2] = 0
    if random.random() < 0.03:
        values[random.integers(n)] = one_of(random, np.nan, np.inf, -np.inf, 3e38, -3e38)
    return array("f", np.float32(np.clip(values, -3e38, 3e38)).tolist())


def integers(random, n, typecode=None):
    typecode = typecode or one_of(random, *INTEGER_TYPES)
    info = np.iinfo(np.dtype(typecode))
    if random.random() < 0.8:
        values = np.clip(random.integers(-40, 200, n), info.min, info.max)
    else:
        values = [one_of(random, info.min, info.max, 0, 1) for _ in range(n)]
    return array(typecode, [int(v) for v in values])


def inputs(random, n):
    """n numbers; now and then one too many or of no allowed type."""
    if random.random() < 0.01:
        n += 1
    if random.random() < 0.01:
        return one_of(random, array("d", [0] * n), [0] * n, None, "no numbers")
    if random.random() < 0.6:
        return floats(random, n)
    values = integers(random, n)
    return bytearray(values) if values.typecode == "B" else values


def targets(random, model, total):
    n_out = model.layers[-1].n_out
    if model.head.loss == im.MSE:
        return inputs(random, total * n_out)
    classes = random.integers(0, n_out, total)
    if random.random() < 0.02:
        classes[random.integers(total)] = one_of(random, n_out, 100)
    if total == 1 and random.random() < 0.7:
        return int(classes[0])
    return array(one_of(random, *INTEGER_TYPES), classes.tolist())
