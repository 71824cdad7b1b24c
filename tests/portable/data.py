# Test data that is the same on every machine: integers from a xorshift generator.


class Random:
    def __init__(self, seed):
        self.state = seed * 2654435761 % 0x3FFFFFFF + 1

    def below(self, n):
        v = self.state
        v ^= v << 13 & 0xFFFFFFFF
        v ^= v >> 17
        v ^= v << 5 & 0xFFFFFFFF
        self.state = v
        return (v >> 8) % n


class Blobs:
    """Classes that a small network can tell apart: a pattern, a third of it zeros, and noise.

    A few samples of each are made beforehand, as that is slow on a board.
    """

    def __init__(self, n_values, n_classes, seed=1, noise=60, n_each=8):
        self.random = Random(seed)
        below = self.random.below
        self.samples = []
        for _ in range(n_classes):
            pattern = [below(3) and 1 + below(255 - noise) for _ in range(n_values)]
            self.samples.append(
                [bytes(v and v + below(noise) for v in pattern) for _ in range(n_each)]
            )
        self.x = bytearray(n_values)

    def next(self):
        """The next class number; its sample is in self.x."""
        label = self.random.below(len(self.samples))
        some = self.samples[label]
        self.x[:] = some[self.random.below(len(some))]
        return label


def samples(blobs, n):
    """n samples in one bytearray, and their class numbers."""
    size = len(blobs.x)
    x, y = bytearray(n * size), bytearray(n)  # one that grows needs twice its room on a board
    for i in range(n):
        y[i] = blobs.next()
        x[i * size : (i + 1) * size] = blobs.x
    return x, y
