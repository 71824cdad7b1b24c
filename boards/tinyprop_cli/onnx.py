"""A model out of an ONNX file."""

import numpy as np
import tinyprop as tp

from tinyprop_cli import samples
from tinyprop_cli.board import COMMAND, Problem
from tinyprop_cli.evaluate import class_numbers, names_of, numbers
from tinyprop_cli.files import bytes_of, check_model_place, save

MADE_UP = 256  # samples, if none are given
LOSSES = {None: None, "classes": "crossentropy", "numbers": "mse"}


def bring_in(file, data, out, label, kind, classes):
    """kind: what the outputs are, None if that is not said; classes: their names, or []."""
    check_model_place(out)
    loss = LOSSES[kind]
    reader, net = opened(file)
    try:
        with reader.damage_told_of(net):
            network, found = reader.read(net, loss)
        order = found.input_order
        check_classes(classes, network, file)
        if data:
            x, y, names = given(data, label, network, order, classes)
        else:
            x, y, names = made_up(order.shape), None, classes or None
        model = tp.from_onnx(net, x, y, loss, classes=names)
    except ValueError as error:
        raise Problem(f"{file} cannot be a model of tinyprop. {error}") from None
    if y is not None and network.loss != "mse" and guessing_is_better(model, found.turned(x), y):
        print(
            "It is right less often than guessing: its outputs may be in another order than"
            f" {samples.listed(names_of(model))}. Say theirs: --classes NAME,NAME,.."
        )
    if not data:
        print(
            "These samples were made up, of numbers from 0 to 1, and by them its formats were"
            " chosen: it is better with --samples."
        )
    save(model, out)
    print(f"The model is in {out}. Next: {COMMAND} push {out}")


def check_classes(classes, network, file):
    n = len(network.layers[-1].bias)
    if classes and network.loss == "mse":
        raise Problem(f"{file} gives numbers, and --classes are of a network that tells classes.")
    if classes and len(classes) != n:
        raise Problem(f"--classes has {len(classes)} names, and the network {n} outputs.")


def guessing_is_better(model, x, y):
    return model.evaluate(x, y) < 1 / model._n_out


def opened(file):
    """What reads ONNX files, and what this one holds."""
    try:
        from tinyprop_desk import onnx_reader
    except ImportError:
        raise Problem('This needs the package onnx: pip install "tinyprop[onnx]"') from None
    bytes_of(file)
    try:
        with onnx_reader.damage_told_of(file):
            net = onnx_reader.load(file)
    except OSError as error:
        raise Problem(f"{file} cannot be read: {error}") from None
    except ValueError as error:  # it is damaged, or weights in a file beside it are not there
        raise Problem(f"{error}.") from None
    return onnx_reader, net


def given(data, label, network, order, classes):
    """x as the network takes it, y, and names of classes; each of these two, or None.

    If labels are names, and classes are not said, outputs have them in alphabetical order, as
    nearly all programs number them.
    """
    found = samples.read(data, label, labelled=False)
    shape = order.shape
    samples.check_shape(found, shape, "the network")
    if found.x[0].ndim < order.ndim and np.any(order.ravel() != np.arange(order.size)):
        first = f"x of shape (samples, {', '.join(map(str, shape))})"
        raise Problem(
            f"{data} has rows of {order.size} values, in an order that is not known: the network"
            f" takes channels first, the model last. Give it a .npz with {first}."
        )
    x, y, n = found.x.reshape(len(found), *shape), found.y, len(network.layers[-1].bias)
    if y is None:
        return x, None, classes or None
    if network.loss == "mse":
        return x, numbers(found, n), None
    numbers_of_outputs = [str(i) for i in range(n)]
    labels = set(samples.texts(y))
    if labels <= set(numbers_of_outputs) and not labels <= set(classes):
        return x, class_numbers(found, numbers_of_outputs), classes or None
    names = classes or (None if y.dtype.kind == "f" else samples.texts(np.unique(y)))
    if names and len(names) != n:
        raise Problem(
            f"{data} has the labels {samples.listed(names)}, and the network {n} outputs: say the"
            " names of all of them, in their order, by --classes NAME,NAME,.."
        )
    return x, class_numbers(found, names or numbers_of_outputs), names


def made_up(shape):
    return np.random.default_rng(1).random((MADE_UP, *shape), np.float32)
