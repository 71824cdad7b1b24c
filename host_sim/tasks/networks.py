"""A network for each data set, small enough for a board, and how long it learns."""

from dataclasses import dataclass
from functools import partial

import tinyprop as tp


@dataclass
class Network:
    shape: tuple
    layers: object  # layers(train_backbone) -> a list; the last layer is always trained
    epochs: dict  # by protocol
    input_range: tuple = (0, 255)
    loss: str = "crossentropy"
    seeds: int = 5

    def model(self, policy, train_backbone, rate, seed, replay=0):
        settings = {"input_range": self.input_range, "replay": replay, "seed": seed}
        if self.loss == "mse":
            settings["output_range"] = self.input_range
        layers = self.layers(train_backbone)
        return tp.Model(self.shape, layers, self.loss, rate, policy, **settings)


def mlp(units, classes, train_backbone):
    hidden = [tp.Dense(n, activation="relu", trainable=train_backbone) for n in units]
    return [*hidden, tp.Dense(classes)]


def cnn(filters, classes, train_backbone):
    conv = partial(
        tp.Conv2D, strides=2, padding="same", activation="relu", trainable=train_backbone
    )
    return [*(conv(n, 3) for n in filters), *mlp([64], classes, train_backbone)]


FRAMES, BANDS = 5, 32  # the part of a clip that the autoencoder sees at a time


def autoencoder(train_backbone):
    dense = partial(tp.Dense, trainable=train_backbone)
    hidden = [dense(96, activation="relu"), dense(8), dense(96, activation="relu")]
    return [*hidden, tp.Dense(FRAMES * BANDS)]


def images(classes, seeds=5, **epochs):
    return Network((32, 32, 3), partial(cnn, (8, 16), classes), epochs, seeds=seeds)


NETWORKS = {
    "har": Network((561,), partial(mlp, (48, 24), 6), {"scratch": 10, "finetune": 10}, (-1, 1)),
    "dcase2020": Network(
        (FRAMES * BANDS,), autoencoder, {"scratch": 20, "finetune": 20}, loss="mse", seeds=10
    ),
    "mnist": Network((784,), partial(mlp, (64, 32), 10), {"scratch": 3, "finetune": 3}),
    "speech": Network(
        (49, 40, 1), partial(cnn, (8, 16, 24), 12), {"scratch": 10, "finetune": 8}, seeds=10
    ),
    "flowers": images(17, seeds=30, scratch=30, finetune=20),
    "food": images(10, seeds=10, scratch=10, finetune=8),
    "cifar10": images(10, scratch=8, finetune=8),
    "cifar100": images(100, scratch=8, finetune=8),
}
