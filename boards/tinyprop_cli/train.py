"""Trains a model on samples in a file."""

from collections import Counter
from contextlib import contextmanager

import numpy as np
import tinyprop as tp
from rich.console import Group
from rich.live import Live
from rich.progress import Progress
from tinyprop_desk.arrays import apart, blurred
from tinyprop_desk.boards import where_it_fits
from tinyprop_desk.report import scores_of

from tinyprop_cli import samples
from tinyprop_cli.board import COMMAND, Problem
from tinyprop_cli.evaluate import report
from tinyprop_cli.files import check_folder, check_model_place, save
from tinyprop_cli.screen import curve, new_console

HELD_OUT = 5  # one sample of so many is kept for the test
PIECE = 1000  # samples that are learned before the screen tells


def train(data, file, label, hidden, kind, epochs, seed, output_range, picture):
    check_model_place(file)
    if picture:
        check_folder(picture)
        if picture.suffix.lower() != ".png":
            raise Problem(f"{picture} should end in .png, which is what it will be.")
        from tinyprop_cli import pictures
    console = new_console()
    given = samples.read(data, label)
    if given.blurred:
        raise Problem(f"{data}: {apart(given.blurred)}.")
    x = given.x.reshape(len(given), -1)
    names, y = labels_of(given, kind)
    if names and output_range:
        raise Problem(f"--output-range is for numbers to learn, and labels in {data} are classes.")
    console.print(described(given, x, names, y))
    alike = differing_in_capitals(names or [])
    if alike:
        console.print(
            f"These classes differ in capitals alone: {samples.listed(alike)}. If they are the"
            f" same, write them alike in {data}."
        )
    random = np.random.default_rng(seed)
    kept, test = split(y, names, random)
    try:
        model = new_model(x.shape[1], hidden, names, y, seed, output_range)
    except ValueError as error:
        raise Problem(f"There is no such model: {error}.") from None
    console.print(repr(model))
    shown = "Of the samples that were held out, which it never learned from:"
    if len(test) == 0:
        test, shown = kept, "Of the samples that it learned from, as they are too few to hold out:"
    history = learn(console, model, x, y, kept, test, epochs, random)
    for sentence in model.check():
        console.print(sentence)
    console.print(shown)
    report(console, model, names, x[test], y[test])
    console.print(where_it_fits(model))
    save(model, file)
    console.print(f"The model is in {file}. Next: {COMMAND} push {file}")
    if picture:
        pictures.draw(picture, history, model, names, x[test], y[test])
        console.print(f"The curve is in {picture}.")


def labels_of(given, kind):
    """Names of classes and int32 [sample]; or None and float32 [sample, output]."""
    classes = samples.are_classes(given.y) if kind is None else kind == "classes"
    if not classes:
        y = given.y.reshape(len(given), -1)
        if y.dtype.kind != "f":
            names = [i for i, label in enumerate(y[:, 0]) if not samples.is_number(str(label))]
            which = f": {given.where(names[0])} has {y[names[0], 0]}" if names else ""
            raise Problem(f"Labels in {given.file} are names, which can only be classes{which}.")
        if np.all(y == y[0]):
            raise Problem(
                f"All labels in {given.file} are {y[0, 0]:g}: there is nothing to learn."
            )
        if blurred(y) is not None:
            raise Problem(
                f"{given.file}: {apart('the label')}, and add it to what the board says."
            )
        return None, y.astype(np.float32)
    if given.y[0].size > 1:
        raise Problem(f"{given.file} has several labels a sample: they can only be numbers.")
    values, y = np.unique(given.y, return_inverse=True)
    names = samples.texts(values)
    if len(names) < 2:
        raise Problem(
            f"All {len(given)} samples in {given.file} are of one class, {names[0]}: a network"
            " learns to tell at least two apart."
        )
    if len(names) == len(given) > samples.MOST_CLASSES and values.dtype.kind != "f":
        raise Problem(
            f"Each of the {len(given)} samples in {given.file} has a label of its own, such as"
            f" {names[0]}: is the last column that of the labels (else --label NAME), and are"
            " cells separated in each line as in the first?"
        )
    return names, y.ravel().astype(np.int32)


def described(given, x, names, y):
    text = f"{given.file}: {len(x)} samples of {x.shape[1]} values"
    if names is None:
        return f"{text}, and numbers to learn, {y.min():g} to {y.max():g}"
    counts = np.bincount(y)
    each = samples.listed([f"{name} ({n})" for name, n in zip(names, counts, strict=True)])
    return f"{text}, in {len(names)} classes: {each}"


def differing_in_capitals(names):
    """Those that are another one but for capitals, side by side."""
    times = Counter(name.casefold() for name in names)
    return sorted((n for n in names if times[n.casefold()] > 1), key=lambda n: (n.casefold(), n))


def split(y, names, random):
    """Numbers of the samples to learn from, and of those held out: a fifth of each class, but one
    at least if it has two, so that each is tested. Of less than five samples none is held out."""
    order = random.permutation(len(y))
    held = np.zeros(len(y), bool)
    least = 1 if len(y) >= HELD_OUT else 0
    for of_class in [order[y[order] == i] for i in range(len(names))] if names else [order]:
        n = len(of_class)
        held[of_class[: max(n // HELD_OUT, min(least, n - 1))]] = True
    return order[~held[order]], order[held[order]]


def new_model(n, hidden, names, y, seed, output_range):
    layers = [tp.Dense(units, activation="relu") for units in hidden]
    options = {"seed": seed, "output_range": output_range}
    if names:
        are_numbers = names == [str(i) for i in range(len(names))]
        classes = None if are_numbers else names
        return tp.Model(n, [*layers, tp.Dense(len(names))], classes=classes, **options)
    return tp.Model(n, [*layers, tp.Dense(y.shape[1])], loss="mse", **options)


def learn(console, model, x, y, kept, test, epochs, random):
    """Learns all kept samples so often, each time in another order. Returns what the curve is of,
    and its values: one when it knows a single sample, so that it is seen to learn however soon it
    is perfect, and one an epoch."""
    what = "error" if model._mse else "right"
    values = []
    with progress(console) as show:
        for epoch in range(epochs):
            order = random.permutation(kept)
            if epoch == 0:
                model.learn_many(x[order[:1]], y[order[:1]])
                values.append(measured(model, x[test], y[test]))
                order = order[1:]
            for i in range(0, len(order), PIECE):
                part = order[i : i + PIECE]
                model.learn_many(x[part], y[part])
                show(len(part) / len(order) / epochs, lambda: graph(console, what, values))
            values.append(measured(model, x[test], y[test]))
    console.print(graph(console, what, values))
    return what, values


def measured(model, x, y):
    """The share of right answers; or how far numbers are off in the mean."""
    if model._mse:
        return float(np.abs(scores_of(model, x) - y).mean())
    return model.evaluate(x, y)


def graph(console, what, values):
    return curve(console, "pass", range(len(values)), what, values)


@contextmanager
def progress(console):
    """with progress(console) as show: ...; shows a bar, and above it a graph, to who sees it."""
    if not console.is_terminal:
        yield lambda share, graph: None
        return
    bar = Progress(console=console)
    task = bar.add_task("learning", total=1)
    with Live(bar, console=console, transient=True) as live:

        def show(share, graph):
            bar.advance(task, share)
            live.update(Group(graph(), bar))

        yield show
