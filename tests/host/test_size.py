"""What a model takes of RAM."""

import tinyprop as tp


def test_a_model_for_mnist_takes_at_most_56000_bytes():
    layers = [tp.Dense(32, activation="relu"), tp.Dense(16, activation="relu"), tp.Dense(10)]
    model = tp.Model(784, layers, input_range=(0, 255))
    assert len(model._image) <= 56000
    assert model.learn(b"\xff" * 784, 1)  # with as many inputs to list as there can be
