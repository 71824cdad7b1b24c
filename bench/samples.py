"""Data to learn in a benchmark: ten classes, the same bytes on every machine."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from data import Random  # noqa: E402

CLASSES = 10


def patterns(random, n, zeros):
    """Samples are a pattern of their class, `zeros` percent of it black, and noise."""

    def value():
        return random.below(100) >= zeros and 31 + random.below(195)

    lit = [[value() for _ in range(n)] for _ in range(CLASSES)]
    return lambda label: bytes(v and v + random.below(61) - 30 for v in lit[label])


def strokes(random, size, points):
    """Samples are lines on black, as in images of digits: a walk of so many points for each
    class, two pixels thick, moved by a pixel at most and of changing brightness."""

    def walk():
        x = y = size // 2
        for _ in range(points):
            x += random.below(3) - 1
            y += random.below(3) - 1
            x, y = (min(max(v, 1), size - 3) for v in (x, y))
            yield x, y

    walks = [list(walk()) for _ in range(CLASSES)]

    def sample(label):
        image = bytearray(size * size)
        dx, dy = random.below(3) - 1, random.below(3) - 1
        for x, y in walks[label]:
            for i in range(4):
                at = (y + dy + i // 2) * size + x + dx + i % 2
                image[at] = max(image[at], 100 + random.below(156))
        return bytes(image)

    return sample


SAMPLES = {
    "mlp-64-32-10": lambda random: patterns(random, 64, zeros=0),
    "mnist-784-32-16-10": lambda random: strokes(random, 28, 190),
    "cnn-8x8": lambda random: patterns(random, 64, zeros=50),
}


def samples(case, n, seed=1):
    """n samples in a row, and their class numbers."""
    random = Random(seed)
    sample = SAMPLES[case](random)
    y = bytes(random.below(CLASSES) for _ in range(n))
    return b"".join(sample(label) for label in y), y
