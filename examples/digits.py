"""Learns handwritten digits on the board, one at a time, as if they came from a sensor.

Copy this file and digits.bin (`make demo` writes it to build/) to a board with tinyprop, then:

    >>> import digits
    >>> m = digits.learn()
    >>> m.save("digits.tp")
"""

import time

import tinyprop as tp

# digits.bin: for each digit 8 x 8 pixels, bytes of 0 (white) to 16 (black), then its class.
RECORD = 65
TEST = 360  # the first ones, which are never learned from
TRAIN = 1437  # the others


def new_model(policy=None):
    layers = [tp.Dense(32, activation="relu"), tp.Dense(10)]
    return tp.Model(64, layers, input_range=(0, 16), policy=policy)


def records(file, first, count, stride=1):
    """Pixels and class of `count` records in the order 0, stride, 2 * stride... round the file."""
    record = bytearray(RECORD)
    pixels = memoryview(record)[:64]
    for i in range(count):
        file.seek((first + i * stride % count) * RECORD)
        file.readinto(record)
        yield pixels, record[64]


def accuracy(m, file):
    """The share of the test set that the model names rightly."""
    return sum(m.predict(x) == y for x, y in records(file, 0, TEST)) / TEST


def report(m, file, us_per_step):
    s = m.stats()
    share = accuracy(m, file), s["skipped"] / s["steps"], s["backward_share"]
    print("%7d  %.4f   %.4f         %.4f  %7.1f" % ((s["steps"],) + share + (us_per_step,)))


def learn(policy=None, epochs=15, every=TRAIN):
    """Returns a model that has seen each digit `epochs` times; a line after `every` steps."""
    m = new_model(policy)
    m.summary()
    print("  steps   right  skipped  backward work  us/step")
    steps = us = 0
    with open("digits.bin", "rb") as file:
        for epoch in range(epochs):
            # TRAIN = 3 * 479 and 1, 4, 7... share no factor: each epoch has all, in its own order.
            for x, y in records(file, TEST, TRAIN, 3 * epoch + 1):
                began = time.ticks_us()
                m.learn(x, y)
                us += time.ticks_diff(time.ticks_us(), began)
                steps += 1
                if steps % every == 0 or steps == epochs * TRAIN:
                    report(m, file, us / (steps % every or every))
                    us = 0
    return m


if __name__ == "__main__":
    learn().save("digits.tp")
