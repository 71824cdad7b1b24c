"""What tinyprop takes of a small board's RAM: a module that is loaded, and a model."""

import subprocess
from pathlib import Path

import tinyprop as tp

ROOT = Path(__file__).resolve().parents[2]


def test_the_module_of_a_pico_takes_at_most_34300_bytes():
    """A board loads it into its RAM, whole. What is worth more room raises this figure, by as much
    as it takes, with a line in CHANGELOG.md."""
    command = [ROOT / "usermod_c/tinyprop/natmod/build.sh", "armv6m"]
    printed = subprocess.check_output(command, text=True)
    assert (ROOT / printed.split()[0]).stat().st_size <= 34300, printed


def test_a_model_for_mnist_takes_at_most_59000_bytes():
    layers = [tp.Dense(32, activation="relu"), tp.Dense(16, activation="relu"), tp.Dense(10)]
    model = tp.Model(784, layers, input_range=(0, 255))
    assert len(model._image) <= 59000
    assert model.learn(b"\xff" * 784, 1)  # with as many inputs to list as there can be
