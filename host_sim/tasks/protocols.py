"""What is learned and tested: from scratch, and in fine-tuning to something that has changed."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from . import datasets
from .networks import BANDS, FRAMES


@dataclass
class Task:
    """x and y of each part. before: what a model has learned before the run starts, or None.

    With clips, x are the windows of an autoencoder, y the clip a window is of, and labels tell
    which clips are anomalies.
    """

    before: tuple | None
    train: tuple
    test: tuple
    labels: np.ndarray | None = None


@lru_cache(2)
def task(dataset, protocol, folder):
    data = datasets.load(dataset, folder)
    if dataset == "dcase2020":
        return machines(data, protocol)
    if protocol == "scratch":
        return Task(None, (data.x_train, data.y_train), (data.x_test, data.y_test))
    return SHIFTS[dataset](data, np.random.default_rng(0))


# ---- fine-tuning; the docstring of each says in the report what changes


def new_subjects(data, random):
    """Learned from the subjects of the training set; adapted to those of the test set, with the
    first half of each one's recordings of each activity, and tested on the second."""
    early = np.zeros(len(data.y_test), bool)
    for subject in np.unique(data.group_test):
        for label in np.unique(data.y_test):
            same = np.flatnonzero((data.group_test == subject) & (data.y_test == label))
            early[same[: len(same) // 2]] = True
    return Task(
        (data.x_train, data.y_train),
        (data.x_test[early], data.y_test[early]),
        (data.x_test[~early], data.y_test[~early]),
    )


def rotated(data, random):
    """Learned from half of the training set; adapted to 5000 others, turned by 35 degrees and
    noisy."""

    def turn(x):
        turned = ndimage.rotate(x.reshape(-1, 28, 28), 35, (2, 1), reshape=False, order=1)
        return noisy(turned.reshape(len(x), -1).astype(float), 20, random)

    mixed = random.permutation(len(data.y_train))
    half = len(mixed) // 2
    before, after = mixed[:half], mixed[half : half + 5000]
    return Task(
        (data.x_train[before], data.y_train[before]),
        (turn(data.x_train[after]), data.y_train[after]),
        (turn(data.x_test), data.y_test),
    )


def new_speakers(data, random):
    """Learned from half of the speakers; adapted to the other half, with a noise that covers the
    quieter third of the spectrogram."""
    floor = np.quantile(data.x_train, 1 / 3)

    def cover(x):
        return np.clip(np.maximum(x, random.normal(floor, 12, x.shape)), 0, 255).astype(np.uint8)

    speakers = random.permutation(np.unique(data.group_train))
    first = np.isin(data.group_train, speakers[: len(speakers) // 2])
    return Task(
        (data.x_train[first], data.y_train[first]),
        (cover(data.x_train[~first]), data.y_train[~first]),
        (cover(data.x_test), data.y_test),
    )


def new_classes(data, random):
    """Learned from the first half of the classes; adapted to the other half, and tested on it."""
    half = (data.y_train.max() + 1) // 2
    before, test = data.y_train < half, data.y_test >= half
    return Task(
        (data.x_train[before], data.y_train[before]),
        (data.x_train[~before], data.y_train[~before]),
        (data.x_test[test], data.y_test[test]),
    )


def other_light(data, random):
    """Learned from half of the training set; adapted to the other half, in dim, reddish light,
    with the noise of a camera."""

    def dim(x):
        return noisy(x.reshape(-1, 3) * (0.6, 0.45, 0.3), 8, random).reshape(len(x), -1)

    mixed = random.permutation(len(data.y_train))
    before, after = np.array_split(mixed, 2)
    return Task(
        (data.x_train[before], data.y_train[before]),
        (dim(data.x_train[after]), data.y_train[after]),
        (dim(data.x_test), data.y_test),
    )


def noisy(x, sd, random):
    return np.clip(x + random.normal(0, sd, x.shape), 0, 255).astype(np.uint8)


def machines(data, protocol):
    """Learned from the normal clips of one half of the machines; adapted to those of the other
    half, and tested on it."""
    normal = data.y_train == 0
    if protocol == "scratch":
        (x, y), labels = clips(data.x_test), data.y_test
        return Task(None, clips(data.x_train[normal]), (x, y), labels)
    ids = np.unique(data.group_train)
    first = np.isin(data.group_train, ids[: len(ids) // 2])
    test = np.isin(data.group_test, ids[len(ids) // 2 :])
    return Task(
        clips(data.x_train[normal & first]),
        clips(data.x_train[normal & ~first]),
        clips(data.x_test[test]),
        data.y_test[test],
    )


def clips(x):
    windows = x.reshape(len(x), -1, FRAMES * BANDS)
    y = np.repeat(np.arange(len(x)), windows.shape[1])
    return windows.reshape(-1, FRAMES * BANDS), y


SHIFTS = {
    "har": new_subjects,
    "dcase2020": machines,
    "mnist": rotated,
    "speech": new_speakers,
    "flowers": other_light,
    "food": other_light,
    "cifar10": new_classes,
    "cifar100": new_classes,
}
