"""How well a model answers on samples with labels."""

import numpy as np
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
    return x


def targets(model, given):
    """Names of the model's classes, and int32 [sample]; or None, and float32 [sample, output]."""
    if not model._mse:
        return class_numbers(given, model._n_out)
    y = given.y.reshape(len(given), -1)
    if y.dtype.kind != "f":
        raise Problem(f"The labels in {given.file} are names, and the model gives numbers.")
    if y.shape[1] != model._n_out:
        raise Problem(f"{given.file} has {y.shape[1]} labels a sample, expected {model._n_out}.")
    return None, y.astype(np.float32)


def class_numbers(given, n):
    """Names of n classes, and int32 [sample]. Names, and whole numbers as many as there are
    classes, are numbered in their order, as train does; other whole numbers are it already."""
    if given.y.ndim > 1 and given.y[0].size > 1:
        raise Problem(f"{given.file} has several labels a sample, and the model tells classes.")
    classes = np.unique(given.y)
    if len(classes) == n:
        return samples.texts(classes), np.searchsorted(classes, given.y.ravel()).astype(np.int32)
    whole = classes.dtype.kind == "f" and np.all(classes == np.floor(classes))
    if not whole or classes[0] < 0 or classes[-1] >= n:
        raise Problem(
            f"{given.file} has the labels {', '.join(samples.texts(classes)[:20])}, and the model"
            f" {n} classes: expected {n} labels, or their numbers, 0 to {n - 1}."
        )
    return [str(i) for i in range(n)], given.y.ravel().astype(np.int32)


def report(console, model, names, x, y):
    scores = scores_of(model, x)
    if names:
        found = scores.argmax(1)
        right = int(np.sum(found == y))
        console.print(f"{right} of {len(y)} samples are right, {right / len(y):.1%}.")
        console.print(confusions(names, y, found))
        return
    for i in range(y.shape[1]):
        which = f"Output {i}: " if y.shape[1] > 1 else ""
        off = scores[:, i] - y[:, i]
        mean = np.sqrt(np.mean((y[:, i] - y[:, i].mean()) ** 2))
        console.print(
            f"{which}{len(y)} samples: off by {np.abs(off).mean():.4g} in the mean,"
            f" {np.abs(off).max():.4g} at most; root mean square {np.sqrt(np.mean(off**2)):.4g},"
            f" and {mean:.4g} if it always said the mean."
        )
