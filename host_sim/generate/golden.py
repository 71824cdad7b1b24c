"""Writes golden files: models in this version of the format, and digests of what they answer.

Only those that are missing in tests/golden/: files that are there stay as they are.
"""

import argparse
import hashlib
import io
import json
from array import array

import tinyprop as tp

from .. import ROOT, add_to_path
from .schema import VERSION, VERSION_WITH_NAMES

GOLDEN = ROOT / "tests/golden"

add_to_path("tests/portable")


def classes():
    """With every kind of layer and every activation, and a given range."""
    layers = [
        tp.Conv2D(4, 3, padding="same", activation="relu"),
        tp.MaxPool2D(2),
        tp.DepthwiseConv2D(2, activation="tanh"),
        tp.Conv2D(3, 1, activation="sigmoid", trainable=False),
        tp.AvgPool2D(1),
        tp.Dense(7, activation="relu"),
        tp.Dense(3),
    ]
    return tp.Model((6, 5, 2), layers, input_range=(0, 255))


def numbers():
    """With a given rate."""
    layers = [tp.Dense(6, activation="tanh"), tp.Dense(5)]
    return tp.Model(5, layers, "mse", lr=0.1, policy=tp.TinyPropV2())


def names():
    """With two names that were given, one that is learned, and an output that has none."""
    model = tp.Model(3, [tp.Dense(4)], classes=["día", "tarde"])
    model.learn(bytes(3), "noche")
    return model


MODELS = {"classes": classes, "numbers": numbers, "names": names}


def file_name(name):
    version = VERSION_WITH_NAMES if name == "names" else VERSION
    return f"version_{version}_{name}.tp"


def samples(model, n, seed):
    from data import Random

    random = Random(seed)
    for _ in range(n):
        x = bytes(random.below(256) for _ in range(model._n_in))
        label = random.below(model._n_out)
        yield x, x[: model._n_out] if model._mse else label


def file_of(model):
    file = io.BytesIO()
    model.save(file)
    return file.getvalue()


def learned(model):
    for x, y in samples(model, 300, seed=4):
        model.learn(x, y)
    return model


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def answers(model):
    """Digests of its scores of a hundred samples, and of its file after learning from each."""
    scores, out = b"", array("f", [0] * model._n_out)
    for x, y in samples(model, 100, seed=5):
        model.predict_into(x, out)
        scores += out.tobytes()
        model.learn(x, y)
    return {"scores": digest(scores), "file": digest(file_of(model))}


def known_answers():
    """Of all golden files that could be read when they were written, by name."""
    return json.loads((GOLDEN / "answers.json").read_text())


def main(arguments):
    argparse.ArgumentParser(prog="python -m host_sim golden", description=__doc__).parse_args(
        arguments
    )
    known = known_answers()
    for name, new_model in MODELS.items():
        path = GOLDEN / file_name(name)
        if path.exists():
            print(f"{path.name} is there already")
            continue
        path.write_bytes(file_of(learned(new_model())))
        known[path.name] = answers(tp.load(str(path)))
        print(f"wrote {path.name}")
    (GOLDEN / "answers.json").write_text(json.dumps(known, indent=4) + "\n")
