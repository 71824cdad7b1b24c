# Layers of every small size, even and odd, on inputs with few and many zeros: the loops in
# assembly take each way there is, and what is learned is on every machine what numpy says.
import gc
import hashlib
from binascii import hexlify

import data
import digests
import testkit
import tinyprop as tp


def learn(model, n_zeros, steps, check):
    """Learns noise, n_zeros of 4 inputs 0, and adds what is saved to check."""
    random = data.Random(model._n_out)
    n = model._n_in
    for step in range(steps):
        x = bytes(random.below(4) >= n_zeros and random.below(256) for _ in range(n))
        model.learn(x, step % model._n_out)
    n_saved = int.from_bytes(model._image[48:52], "little")
    check.update(memoryview(model._image)[:n_saved])


def options(n):
    sparsity = tp.Full() if n % 3 else tp.TinyProp()
    return {"sparsity": sparsity, "lr": 0.2, "input_range": (0, 255), "seed": n}


def dense(n_zeros):
    check = hashlib.sha256()
    for n in range(1, 21):
        layers = [tp.Dense(n, "relu"), tp.Dense(21 - n, "tanh"), tp.Dense(n + 1)]
        learn(tp.Model(6 + n % 7, layers, **options(n)), n_zeros, 6, check)
    return check


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


def long_rows():
    """1,040 bytes of weights an input: from the first input to the last is beyond 16 bits."""
    check = hashlib.sha256()
    model = tp.Model(65, [tp.Dense(520)], **options(1))
    for first, last in ((1, 200), (255, 0), (0, 7), (90, 3)):
        for label in (0, 519):
            model.learn(bytes([first]) + bytes(63) + bytes([last]), label)
    n_saved = int.from_bytes(model._image[48:52], "little")
    check.update(memoryview(model._image)[:n_saved])
    return check


def long_rows_above_a_relu():
    """The same in a second layer: an input of 0 leaves all of its inputs 0."""
    check = hashlib.sha256()
    model = tp.Model(1, [tp.Dense(65, "relu"), tp.Dense(520)], **options(1))
    for x in (0, 255, 3, 0, 200):
        model.learn(bytes([x]), 519)
    n_saved = int.from_bytes(model._image[48:52], "little")
    check.update(memoryview(model._image)[:n_saved])
    return check


SHAPES = {
    "long rows": long_rows,
    "long rows above a relu": long_rows_above_a_relu,
    "dense, no zeros": lambda: dense(0),
    "dense, half zeros": lambda: dense(2),
    "dense, most zeros": lambda: dense(3),
    "convolutions": lambda: convolutions(0),
    "convolutions, half zeros": lambda: convolutions(2),
}


def digest(name):
    return hexlify(SHAPES[name]().digest()).decode()


def test_every_shape_gives_the_same_bits():
    for name in SHAPES:
        if "long rows" not in name:
            assert digest(name) == digests.SHAPES[name], name


def test_long_rows():
    for name in "long rows", "long rows above a relu":
        gc.collect()
        try:
            got = digest(name)
        except MemoryError:  # a micro:bit has no 76 KB in one piece, so it never has such rows
            assert gc.mem_free() < 160000
            return
        assert got == digests.SHAPES[name], name


if __name__ == "__main__":
    testkit.main(globals())
