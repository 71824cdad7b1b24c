"""Readers of data sets as their authors publish them.

Each takes the user's folder and returns x_train, y_train, x_test, y_test and, if there are groups,
group_train, group_test. A missing file is a FileNotFoundError.
"""

import gzip
import hashlib
import wave
from pathlib import Path

import numpy as np

from . import logmel


def mnist(folder):
    parts = []
    for part in "train", "t10k":
        parts.append(idx(folder / "mnist" / f"{part}-images-idx3-ubyte").reshape(-1, 784))
        parts.append(idx(folder / "mnist" / f"{part}-labels-idx1-ubyte"))
    return parts


def idx(path):
    packed = path.with_name(path.name + ".gz")
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    n_dimensions = data[3]
    shape = np.frombuffer(data, ">u4", n_dimensions, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * n_dimensions).reshape(shape)


def cifar10(folder):
    folder = folder / "cifar-10-batches-bin"
    train = [cifar(folder / f"data_batch_{i}.bin", 1) for i in range(1, 6)]
    x, y = (np.concatenate(part) for part in zip(*train, strict=True))
    return x, y, *cifar(folder / "test_batch.bin", 1)


def cifar100(folder):
    folder = folder / "cifar-100-binary"
    return *cifar(folder / "train.bin", 2), *cifar(folder / "test.bin", 2)


def cifar(path, n_labels):
    """Records of labels, the last of them the finest, and three planes of 32 x 32 bytes."""
    records = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, n_labels + 3072)
    planes = records[:, n_labels:].reshape(-1, 3, 32 * 32)
    return planes.transpose(0, 2, 1).reshape(-1, 3072), records[:, n_labels - 1]


def har(folder):
    folder = folder / "UCI HAR Dataset"
    parts, groups = [], []
    for part in "train", "test":
        x, y, subject = (folder / part / f"{name}_{part}.txt" for name in ("X", "y", "subject"))
        parts += [np.loadtxt(x, np.float32, ndmin=2), np.loadtxt(y, int, ndmin=1) - 1]
        groups.append(np.loadtxt(subject, int, ndmin=1))
    return *parts, *groups


WORDS = "down go left no off on right stop up yes".split()
ONE_IN = 20  # of the clips of other words, which are one class, "unknown"


def speech(folder):
    """Split by speakers: those whose name's hash is 0 modulo 4 are the test set."""
    folder = folder / "speech_commands_v0.02"
    x, y, speaker = [], [], []
    for word in sorted(path for path in listing(folder) if not path.name.startswith("_")):
        known = word.name in WORDS
        for path in sorted(word.glob("*.wav"))[:: 1 if known else ONE_IN]:
            x.append(logmel.of_clip(read_wav(path)))
            y.append(WORDS.index(word.name) if known else len(WORDS))
            speaker.append(
                int(hashlib.sha256(path.name.split("_")[0].encode()).hexdigest()[:4], 16)
            )
    x, y, speaker = np.array(x, np.float32), np.array(y), np.array(speaker)
    test = speaker % 4 == 0
    lo, hi = x[~test].min(), x[~test].max()
    x = np.clip((x - lo) / (hi - lo) * 255 + 0.5, 0, 255).astype(np.uint8)
    return x[~test], y[~test], x[test], y[test], speaker[~test], speaker[test]


def listing(folder: Path):
    return [path for path in folder.iterdir() if path.is_dir()]


def read_wav(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 2**15
