"""How well a model answers on samples with labels."""

import struct

import numpy as np
import tinyprop_words as words
from tinyprop_desk.report import scores_of

from tinyprop_cli import samples
from tinyprop_cli.board import Problem
from tinyprop_cli.files import load
from tinyprop_cli.screen import confusions, new_console


def evaluate(file, data, label):
    model = load(file)
    given = samples.read(data, label)
    x = inputs(model, given)
    names, y = targets(model, given)
    report(new_console(), model, names, x, y)


def inputs(model, given):
    """float32 [sample, value]: those that the model takes."""
    x = given.x.reshape(len(given), -1)
    if x.shape[1] != model._n_in:
        raise Problem(
            f"{given.file} has {x.shape[1]} values a sample beside the label, and the model takes"
            f" {model._n_in}."
        )
    shape = struct.unpack_from("<3H", model._image, words._MODEL_SPEC_IN_H)
    if shape[:2] != (1, 1):  # one that takes rows may have learned from rows of any shape
        samples.check_shape(given, shape, "the model")
    if model.input_range is None:
        raise Problem("The model has learned from nothing yet, so it knows nothing.")
    return x


def targets(model, given):
    """Names of the model's classes, and int32 [sample]; or None, and float32 [sample, output]."""
    if not model._mse:
        names = names_of(model)
        return names, class_numbers(given, names)
    return None, numbers(given, model._n_out)


def numbers(given, n):
    """float32 [sample, output]"""
    y = given.y.reshape(len(given), -1)
    if y.dtype.kind != "f":
        raise Problem(f"The labels in {given.file} are names, and the model gives numbers.")
    if y.shape[1] != n:
        raise Problem(f"{given.file} has {y.shape[1]} labels a sample, expected {n}.")
    return y.astype(np.float32)


def names_of(model):
    """Of its classes; the number of one that has no name."""
    return [name or str(i) for i, name in enumerate(model.classes)]


def class_numbers(given, names):
    """int32 [sample]"""
    if given.y[0].size > 1:
        raise Problem(f"{given.file} has several labels a sample, and the model tells classes.")
    number_of = {samples.plain(name): i for i, name in enumerate(names)}
    number_of.update({name: i for i, name in enumerate(names)})
    labels = [v if v in number_of else samples.plain(v) for v in samples.texts(given.y)]
    unknown = sorted(set(labels) - set(number_of))
    if unknown:
        raise Problem(
            f"{given.file} has the label{'s' if unknown[1:] else ''} {samples.listed(unknown)},"
            f" and the classes of the model are {samples.listed(names)}."
        )
    return np.array([number_of[label] for label in labels], np.int32)


def answers(model, x):
    """The number of the class that the model takes each sample for."""
    number_of = {name or i: i for i, name in enumerate(model.classes)}
    return np.array([number_of[model.predict(sample)] for sample in x])


def share_right(names, y, found):
    """A sentence, with what one answer to all would reach. That is all of a single class, so a
    count of these has no share beside it."""
    counts = np.bincount(y)
    often = counts.argmax()
    right = int(np.sum(found == y))
    text = f"{right} of {len(y)} samples are right"
    if counts[often] == len(y):
        return f"{text}, and only {names[often]} was tested."
    alone = f"{counts[often] / len(y):.1%} if it always said {names[often]}"
    return f"{text}, {right / len(y):.1%}, and {alone}."


def untested(model, names, y):
    """Names of the classes that no sample is of. Outputs to spare, which alone have no name beside
    others, are no classes."""
    classes = model.classes
    tested, are_named = set(y.tolist()), any(classes)
    return [
        name for i, name in enumerate(names) if i not in tested and (classes[i] or not are_named)
    ]


def report(console, model, names, x, y):
    if names:
        found = answers(model, x)
        console.print(share_right(names, y, found))
        others = untested(model, names, y)
        if others:
            console.print(f"Without a sample, so not tested: {samples.listed(others)}.")
        console.print(confusions(names, y, found))
        return
    scores = scores_of(model, x)
    for i in range(y.shape[1]):
        which = f"Output {i}: " if y.shape[1] > 1 else ""
        off = scores[:, i] - y[:, i]
        if len(y) == 1:
            console.print(f"{which}1 sample, off by {np.abs(off[0]):.4g}: too few to tell.")
            continue
        mean = np.sqrt(np.mean((y[:, i] - y[:, i].mean()) ** 2))
        console.print(
            f"{which}{len(y)} samples: off by {np.abs(off).mean():.4g} in the mean,"
            f" {np.abs(off).max():.4g} at most; root mean square {np.sqrt(np.mean(off**2)):.4g},"
            f" and {mean:.4g} if it always said the mean."
        )
