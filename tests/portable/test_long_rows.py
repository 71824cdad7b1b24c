# The weights of the first and the last input are further apart than 16 bits can say (1,040 bytes
# per input). A file of its own, as it takes 76 KB in one piece.
import gc
import hashlib
from binascii import hexlify

import digests
import testkit
import tinyprop as tp

OPTIONS = {"lr": 0.2, "input_range": (0, 255), "seed": 1, "policy": tp.Full()}


def long_rows():
    model = tp.Model(65, [tp.Dense(520)], **OPTIONS)
    for first, last in ((1, 200), (255, 0), (0, 7), (90, 3)):
        for label in (0, 519):
            model.learn(bytes([first]) + bytes(63) + bytes([last]), label)
    return model


def long_rows_above_a_relu():
    """The same in a second layer. An input of 0 makes all of its inputs 0."""
    model = tp.Model(1, [tp.Dense(65, "relu"), tp.Dense(520)], **OPTIONS)
    for x in (0, 255, 3, 0, 200):
        model.learn(bytes([x]), 519)
    return model


ROWS = {"long rows": long_rows, "long rows above a relu": long_rows_above_a_relu}


def digest(name):
    return hexlify(hashlib.sha256(testkit.saved_but_version(ROWS[name]())).digest()).decode()


def test_long_rows():
    for name in ROWS:
        gc.collect()
        try:
            got = digest(name)
        except MemoryError:  # a micro:bit has no 76 KB in one piece, so it never has such rows
            assert gc.mem_free() < 160000, gc.mem_free()
            return
        assert got == digests.ROWS[name], name


if __name__ == "__main__":
    testkit.main(globals())
