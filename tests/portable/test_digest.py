# After 1,000 steps on the same stream every saved byte of a model is the same on every machine.
# The plan behind them is each backend's own.
import hashlib
from binascii import hexlify

import data
import digests
import testkit
import tinyprop as tp
from policies import POLICIES


def mlp(policy):
    layers = [tp.Dense(12, activation="relu"), tp.Dense(8, activation="sigmoid"), tp.Dense(4)]
    return tp.Model(16, layers, policy=policy, lr=0.05, input_range=(0, 255))


def cnn(policy):
    layers = [
        tp.Conv2D(4, 3, padding="same", activation="relu"),
        tp.MaxPool2D(2),
        tp.DepthwiseConv2D(3, padding="same", activation="relu"),
        tp.Conv2D(5, 2, strides=2, activation="tanh"),
        tp.AvgPool2D((1, 2)),
        tp.Dense(6, activation="relu", trainable=False),
        tp.Dense(3),
    ]
    return tp.Model((8, 8, 1), layers, policy=policy, input_range=(0, 255))


def series(policy):
    layers = [
        tp.Conv1D(4, 3, padding="same", activation="relu"),
        tp.Conv1D(6, 3, strides=2, activation="relu"),
        tp.GlobalAvgPool2D(),
        tp.Dense(3),
    ]
    return tp.Model((12, 2), layers, policy=policy, lr=0.05)


def autoencoder(policy):
    layers = [
        tp.Dense(6, activation="relu"),
        tp.Dense(3),
        tp.Dense(6, activation="tanh"),
        tp.Dense(12),
    ]
    return tp.Model(12, layers, loss="mse", policy=policy, lr=0.1, output_range=(0, 255))


def layers_alone(policy):
    return tp.Model(16, [tp.Dense(12, activation="relu"), tp.Dense(4)], policy=policy)


def numbers(policy):
    """The same for numbers."""
    layers = [tp.Dense(8, activation="relu"), tp.Dense(6)]
    return tp.Model(6, layers, loss="mse", policy=policy)


# Some are given a rate and ranges, others have to find them.
MODELS = {
    "mlp": mlp,
    "cnn": cnn,
    "series": series,
    "autoencoder": autoencoder,
    "layers alone": layers_alone,
    "numbers": numbers,
}


def digest(model_name, policy_name, steps=1000):
    model = MODELS[model_name](POLICIES[policy_name]())
    blobs = data.Blobs(model._n_in, 1 if model._mse else model._n_out)
    for _ in range(steps):
        label = blobs.next()
        model.learn(blobs.x, blobs.x if model._mse else label)
    return hexlify(hashlib.sha256(testkit.saved_but_version(model)).digest()).decode()


def check(model_name):
    for policy_name in POLICIES:
        got, want = digest(model_name, policy_name), digests.AFTER_1000[model_name, policy_name]
        assert got == want, (model_name, policy_name, got, want)


def test_mlp():
    check("mlp")


def test_cnn():
    check("cnn")


def test_series():
    check("series")


def test_autoencoder():
    check("autoencoder")


def test_layers_alone():
    check("layers alone")


def test_numbers():
    check("numbers")


if __name__ == "__main__":
    testkit.main(globals())
