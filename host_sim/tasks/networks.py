"""A model for each data set, small enough for a board, and how long it learns."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import tinyprop as tp


@dataclass
class Plan:
    shape: tuple
    layers: object  # layers(body) -> a list; body: are all layers trained, or the last one alone?
    epochs: dict  # by protocol
    input_range: tuple = (0, 255)
    loss: str = "crossentropy"
    seeds: int = 5


def mlp(units, classes, body):
    hidden = [tp.Dense(n, activation="relu", trainable=body) for n in units]
    return [*hidden, tp.Dense(classes)]


def cnn(filters, classes, body):
    conv = partial(tp.Conv2D, strides=2, padding="same", activation="relu", trainable=body)
    return [*(conv(n, 3) for n in filters), *mlp([64], classes, body)]


FRAMES, BANDS = 5, 32  # what the autoencoder sees of a clip at a time


def autoencoder(body):
    dense = partial(tp.Dense, trainable=body)
    hidden = [dense(96, activation="relu"), dense(8), dense(96, activation="relu")]
    return [*hidden, tp.Dense(FRAMES * BANDS)]


def images(classes, seeds=5, **epochs):
    return Plan((32, 32, 3), partial(cnn, (8, 16), classes), epochs, seeds=seeds)


PLANS = {
    "har": Plan((561,), partial(mlp, (48, 24), 6), {"scratch": 10, "finetune": 10}, (-1, 1)),
    "dcase2020": Plan(
        (FRAMES * BANDS,), autoencoder, {"scratch": 20, "finetune": 20}, loss="mse", seeds=10
    ),
    "mnist": Plan((784,), partial(mlp, (64, 32), 10), {"scratch": 3, "finetune": 3}),
    "speech": Plan(
        (49, 40, 1), partial(cnn, (8, 16, 24), 12), {"scratch": 10, "finetune": 8}, seeds=10
    ),
    "flowers": images(17, seeds=30, scratch=30, finetune=20),
    "food": images(10, seeds=10, scratch=10, finetune=8),
    "cifar10": images(10, scratch=8, finetune=8),
    "cifar100": images(100, scratch=8, finetune=8),
}


def new(dataset, policy, body, rate, seed):
    """policy: as sparsity of tp.Model; body: whether the layers below the output are trained."""
    plan = PLANS[dataset]
    ranges = {"input_range": plan.input_range}
    if plan.loss == "mse":
        ranges["output_range"] = plan.input_range
    layers = plan.layers(body)
    return tp.Model(plan.shape, layers, plan.loss, rate, policy, seed=seed, **ranges)


def view(model):
    """The model's image, by names; what is set there is set in the model."""
    from _tinyprop_numpy import image

    return image.Model(np.frombuffer(model._image, np.uint8))


def transfer(model, learned):
    """Gives a model what another one of the same layers has learned."""
    to, source = view(model), view(learned)
    for a, b in zip(to.layers, source.layers, strict=True):
        window = 1 << b.age.bit_length() - 1  # the one that b is in; a starts it anew
        a.fw, a.fy, a.age = b.fw, b.fy, window
        if a.has_weights:
            to.weights(a)[:] = source.weights(b)
            to.biases(a)[:] = source.biases(b)


def work(model):
    """Multiply-accumulates of a forward pass, and of a backward pass that trains all layers."""
    forward = [r.n_out * r.fan_in for r in view(model).layers if r.has_weights]
    return sum(forward), 2 * sum(forward) - forward[0]


def nonzero_work(model, x):
    """Multiply-accumulates of a forward pass with inputs that are not 0, a mean over some samples.
    In convolutions every input counts as often as the mean of all."""
    total = 0
    for sample in x:
        model.predict(sample)
        image = view(model)
        for r in image.layers:
            if r.has_weights:
                dense = r.kind == 0
                n = r.n_nonzero if dense else np.count_nonzero(image.inputs(r))
                total += r.n_out * r.fan_in * n / r.n_in
    return total / len(x)


def memory(dataset):
    """The layers in words, and the bytes of all of a model."""
    model = new(dataset, tp.Full(), True, 0.01, 1)
    image = view(model)
    kinds = {0: "Dense {}", 1: "Conv {}"}
    text = ", ".join(kinds[r.kind].format(r.units) for r in image.layers)
    return text, image.head.n_bytes
