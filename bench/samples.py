"""Data to learn in a benchmark: some classes, the same bytes on every machine."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/portable"))

from data import Random  # noqa: E402

# Samples of an epoch, and how many epochs a run learns.
EPOCHS = {
    "mlp-64-32-10": (300, 4),
    "mnist-784-32-16-10": (150, 4),
    "cnn-8x8": (150, 4),
    "kws-cnn": (30, 9),
    "vision-64x64x3": (12, 8),
}


def patterns(random, classes, n, zeros):
    """Samples are a pattern of their class, `zeros` percent of it black, and noise."""

    def value():
        return random.below(100) >= zeros and 31 + random.below(195)

    lit = [[value() for _ in range(n)] for _ in range(classes)]
    return lambda label: bytes(v and v + random.below(61) - 30 for v in lit[label])


def strokes(random, classes, size, points):
    """Samples are lines on black, as in images of digits: a walk of so many points for each
    class, two pixels thick, moved by a pixel at most and of changing brightness."""

    def walk():
        x = y = size // 2
        for _ in range(points):
            x += random.below(3) - 1
            y += random.below(3) - 1
            x, y = (min(max(v, 1), size - 3) for v in (x, y))
            yield x, y

    walks = [list(walk()) for _ in range(classes)]

    def sample(label):
        image = bytearray(size * size)
        dx, dy = random.below(3) - 1, random.below(3) - 1
        for x, y in walks[label]:
            for i in range(4):
                at = (y + dy + i // 2) * size + x + dx + i % 2
                image[at] = max(image[at], 100 + random.below(156))
        return bytes(image)

    return sample


def words(random, classes, frames, bands):
    """Samples are noise that is loud in some blocks of 7 frames and 5 bands, as spectra of spoken
    words: four in ten blocks, others in each class, up to 3 frames early."""
    across = bands // 5

    def blocks():
        return [120 * (random.below(10) < 4) for _ in range((frames // 7 + 1) * across)]

    loud = [blocks() for _ in range(classes)]

    def sample(label):
        early = random.below(4)
        return bytes(
            random.below(90) + loud[label][(frame + early) // 7 * across + band // 5]
            for frame in range(frames)
            for band in range(bands)
        )

    return sample


def pictures(random, classes, size):
    """Samples are pictures of things in colour: blocks of 8 x 8 pixels, others in each class, up
    to 7 pixels to the left and up, and noise."""
    across = size // 8 + 1

    def colour():
        return [random.below(200) for _ in range(3)]

    things = [[colour() for _ in range(across * across)] for _ in range(classes)]

    def sample(label):
        dx, dy = random.below(8), random.below(8)
        return bytes(
            value + random.below(56)
            for y in range(size)
            for x in range(size)
            for value in things[label][(y + dy) // 8 * across + (x + dx) // 8]
        )

    return sample


# How many classes, and a function that makes one of their samples.
SAMPLES = {
    "mlp-64-32-10": (10, lambda *r: patterns(*r, 64, zeros=0)),
    "mnist-784-32-16-10": (10, lambda *r: strokes(*r, 28, 190)),
    "cnn-8x8": (10, lambda *r: patterns(*r, 64, zeros=50)),
    "kws-cnn": (12, lambda *r: words(*r, 49, 40)),
    "vision-64x64x3": (3, lambda *r: pictures(*r, 64)),
}


def samples(case, n, seed=1):
    """n samples in a row, and their class numbers. Another seed: other patterns, strokes, ..."""
    random = Random(seed)
    classes, make = SAMPLES[case]
    sample = make(random, classes)
    y = bytes(random.below(classes) for _ in range(n))
    return b"".join(sample(label) for label in y), y
