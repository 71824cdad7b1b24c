"""The data sets of the papers, read from a folder of the user's; none is part of tinyprop.

Each is an .npz file (x_train, y_train, x_test, y_test, and group_train, group_test if samples have
an origin: a subject, a speaker, a machine) or, for some, what its authors published.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from . import originals


@dataclass
class Data:
    """x: one row per sample; y: class numbers (DCASE: 1 is an anomaly); group: numbers or None."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    group_train: np.ndarray | None = None
    group_test: np.ndarray | None = None


@dataclass
class Source:
    title: str
    npz: str
    where: str
    group: str = ""  # what its groups are called in the .npz
    original: object = field(default=None)  # a function of originals.py


IMAGES = "an .npz of images of 32 x 32 x 3 bytes with x_train, y_train, x_test, y_test"
SOURCES = {
    "har": Source(
        "HAR",
        "har_feat561.npz",
        "the folder 'UCI HAR Dataset', from the UCI Machine Learning Repository, data set 240",
        "subject",
        originals.har,
    ),
    "dcase2020": Source(
        "DCASE2020 task 2",
        "dcase2020_toycar_logmel50x32.npz",
        "ToyCar of the DCASE2020 task 2 development set, zenodo.org/record/3678171, "
        "as an .npz of 50 x 32 log-mel energies with machine_id_train and machine_id_test",
        "machine_id",
    ),
    "mnist": Source(
        "MNIST",
        "mnist.npz",
        "the four idx files, yann.lecun.com/exdb/mnist, in a folder mnist",
        original=originals.mnist,
    ),
    "speech": Source(
        "Speech Commands",
        "speech_commands_v2test_logmel49x40.npz",
        "the folder speech_commands_v0.02 of clips, "
        "download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
        "speaker",
        originals.speech,
    ),
    "flowers": Source(
        "Flower (Oxford 17)",
        "flowers17_32.npz",
        f"www.robots.ox.ac.uk/~vgg/data/flowers/17, as {IMAGES}",
    ),
    "food": Source(
        "Food (10 classes of Food-101)",
        "food101_10class_32.npz",
        f"data.vision.ee.ethz.ch/cvl/datasets_extra/food-101, as {IMAGES}",
    ),
    "cifar10": Source(
        "CIFAR-10",
        "cifar10_10k.npz",
        "the folder cifar-10-batches-bin (binary version), www.cs.toronto.edu/~kriz/cifar.html",
        original=originals.cifar10,
    ),
    "cifar100": Source(
        "CIFAR-100",
        "cifar100.npz",
        "the folder cifar-100-binary (binary version), www.cs.toronto.edu/~kriz/cifar.html",
        original=originals.cifar100,
    ),
}


class Missing(Exception):
    pass


@lru_cache(2)
def load(name, folder):
    source, folder = SOURCES[name], Path(folder)
    if (folder / source.npz).exists():
        return load_npz(folder / source.npz, source.group)
    if source.original:
        try:
            return Data(*source.original(folder))
        except FileNotFoundError as e:
            missing = f"{e.filename} is not there"
    else:
        missing = f"{folder / source.npz} is not there"
    raise Missing(f"{source.title} is left out: {missing}. Where to get it: {source.where}.")


def load_npz(path, group):
    with np.load(path, allow_pickle=False) as file:
        parts = [file[key] for key in ("x_train", "y_train", "x_test", "y_test")]
        if group:
            parts += [file[f"{group}_train"], file[f"{group}_test"]]
    for i in (0, 2):
        rows = parts[i].reshape(len(parts[i]), -1)
        parts[i] = rows if rows.dtype == np.uint8 else rows.astype(np.float32)
    return Data(*parts)
