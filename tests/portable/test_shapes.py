# Layers of every small size, even and odd, on inputs with few and many zeros, so that the loops in
# assembly take every path. What is learned has to be what numpy learns, on every machine.
import hashlib
from array import array
from binascii import hexlify

import _tinyprop
import data
import digests
import model_format as fmt
import testkit
import tinyprop as tp


def learn(model, n_zeros, steps, check):
    """Learns noise, in which n_zeros of 4 inputs are 0; adds what is saved to the hash `check`."""
    random = data.Random(model._n_out)
    n = model._n_in
    for step in range(steps):
        x = bytes(random.below(4) >= n_zeros and random.below(256) for _ in range(n))
        model.learn(x, step % model._n_out)
    check.update(testkit.saved_but_version(model))


def options(n):
    policy = tp.Full() if n % 3 else tp.TinyProp()
    return {"policy": policy, "lr": 0.2, "input_range": (0, 255), "seed": n}


def dense(n_zeros):
    check = hashlib.sha256()
    for n in range(1, 21):
        layers = [tp.Dense(n, "relu"), tp.Dense(21 - n, "tanh"), tp.Dense(n + 1)]
        learn(tp.Model(6 + n % 7, layers, **options(n)), n_zeros, 6, check)
    return check


def with_headroom():
    """More than 64 small steps, so that there is headroom and no weight is compared."""
    check = hashlib.sha256()
    for n in range(1, 21):
        layers = [tp.Dense(n, "relu"), tp.Dense(max(2, 21 - n))]
        model = tp.Model(6 + n % 7, layers, policy=tp.Full(), lr=0.02, input_range=(0, 255))
        if n == 20:
            of_one_class(model)
        random = data.Random(n)
        samples = [bytes(random.below(256) for _ in range(6 + n % 7)) for _ in range(3)]
        for step in range(72):
            model.learn(samples[step % 3], step % (21 - n))
        check.update(testkit.saved_but_version(model))
    return check


def of_one_class(model):
    """Makes a new model one that Model(...) refuses and the core does not: its last layer has one
    unit."""
    image, n_layers = model._image, model._image[fmt.MODEL_SPEC_N_LAYERS]
    at, ranges = fmt.MODEL_SPEC_SAVED_BYTES, testkit.first_weights_at(model) - fmt.RANGE_BYTES
    image[at : at + 4] = bytes(4)
    image[model._state - fmt.LAYER_SPEC_BYTES + fmt.LAYER_SPEC_UNITS] = 1
    shapes = array("I", bytes(28 * n_layers))
    smaller = bytearray(_tinyprop.layout(image[: model._state], shapes))
    smaller[: model._state] = image[: model._state]
    smaller[ranges : ranges + fmt.RANGE_BYTES] = image[ranges : ranges + fmt.RANGE_BYTES]
    assert _tinyprop.init(smaller, 1) == 0
    model._attach(smaller, shapes)


def convolutions(n_zeros):
    check = hashlib.sha256()
    for n in range(1, 13):
        padding = "same" if n % 2 else "valid"
        layers = [
            tp.Conv2D(n, (2, 3), padding=padding, activation="relu"),
            tp.Conv2D(13 - n, 2),
            tp.Dense(3),
        ]
        learn(tp.Model((4, 5, 1 + n % 3), layers, **options(n)), n_zeros, 2, check)
    return check


def depthwise():
    check = hashlib.sha256()
    for n in range(1, 13):
        padding = "same" if n % 2 else "valid"
        layers = [
            tp.Conv2D(n, 1, activation="tanh"),
            tp.DepthwiseConv2D((2, 3), padding=padding, strides=1 + n // 7, activation="relu"),
            tp.Dense(3),
        ]
        learn(tp.Model((4, 5, 1 + n % 3), layers, **options(n)), 1, 2, check)
    return check


def layers_alone():
    """Rates and ranges are found, of large images by some of their pixels."""
    check = hashlib.sha256()
    for n in range(1, 13):
        conv = [tp.Conv2D(n, 2, strides=2, activation="relu"), tp.Dense(5, "tanh"), tp.Dense(3)]
        dense = [tp.Dense(n, "relu"), tp.Dense(13 - n, "tanh"), tp.Dense(3)]
        loss = "mse" if n % 2 else "crossentropy"
        for shape, layers in (((9, 8, 1 + n % 3), conv), (6 + n % 7, dense)):
            model, random = tp.Model(shape, layers, loss, seed=n), data.Random(n)
            for step in range(6):
                x = array("h", [random.below(2000) - 500 for _ in range(model._n_in)])
                model.learn(x, x[:3] if model._mse else step % 3)
            check.update(testkit.saved_but_version(model))
    return check


def noise():
    """Numbers that cannot be told from x, so after 128 steps rates are lower."""
    model, random = tp.Model(3, [tp.Dense(6, "relu"), tp.Dense(2)], "mse"), data.Random(1)
    for _ in range(160):
        x, y = (array("h", [random.below(2000) for _ in range(n)]) for n in (3, 2))
        model.learn(x, y)
    return hashlib.sha256(testkit.saved_but_version(model))


SHAPES = {
    "dense, no zeros": lambda: dense(0),
    "dense, half zeros": lambda: dense(2),
    "dense, most zeros": lambda: dense(3),
    "dense, with headroom": with_headroom,
    "depthwise": depthwise,
    "convolutions": lambda: convolutions(0),
    "convolutions, half zeros": lambda: convolutions(2),
    "layers alone": layers_alone,
    "noise": noise,
}


def digest(name):
    return hexlify(SHAPES[name]().digest()).decode()


def test_every_shape_gives_the_same_bits():
    for name in SHAPES:
        assert digest(name) == digests.SHAPES[name], name


if __name__ == "__main__":
    testkit.main(globals())
