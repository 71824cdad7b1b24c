"""Makes up what a microphone might hear of four words, as a recording to try the example with.

    python examples/keywords/draw.py words.bin

Nobody spoke: a voice is put together of the tones of vocal cords, which a mouth of some shape lets
through, and of hissing. A recording is of one speaker, of high or low voice and of large or small
mouth, who never says a word twice with the same speed, melody and loudness; there is noise in the
room. The same seed makes the same bytes. recorded.py has the format.
"""

import argparse

import numpy as np

RATE = 8000  # samples a second
FRAME = 256
NO_BUTTON = 255
STEP = 0.01  # seconds; so finely a mouth moves

# Where a mouth lets most through, in Hz; the vowels of "father", "bed", "see", "law" and "food",
# and what is said with a tongue or lips in between.
MOUTHS = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
    "l": (360, 1300, 2700),
    "r": (310, 1060, 1380),
    "n": (280, 1700, 2600),
}
WIDE = 90, 120, 180  # Hz
# Seconds, mouth, how loud the voice is, how loud it hisses, and where, in Hz.
WORDS = [
    # left
    [(0.08, "l", 0.4, 0, 0), (0.14, "e", 1, 0, 0), (0.1, "e", 0, 0.15, 3000), (0.04, "e", 0, 0, 0),
     (0.03, "e", 0, 0.4, 3500)],
    # right
    [(0.08, "r", 0.5, 0, 0), (0.1, "a", 1, 0, 0), (0.1, "i", 0.8, 0, 0), (0.05, "i", 0, 0, 0),
     (0.03, "i", 0, 0.4, 3500)],
    # go
    [(0.02, "u", 0, 0.3, 1500), (0.14, "o", 1, 0, 0), (0.14, "u", 0.8, 0, 0)],
    # stop
    [(0.14, "e", 0, 0.4, 3700), (0.05, "e", 0, 0, 0), (0.02, "e", 0, 0.4, 3300),
     (0.14, "o", 1, 0, 0), (0.06, "o", 0, 0, 0), (0.02, "u", 0, 0.25, 1000)],
]  # fmt: skip


def spoken(word, speaker, random):
    """float [samples]: a word, at most 1."""
    pitch, size = speaker
    segments = [[seconds * random.normal(1, 0.12), *rest] for seconds, *rest in WORDS[word]]
    lasts = [max(0.02, segment[0]) * random.normal(1, 0.03) for segment in segments]
    # Each STEP, the shape of the mouth and how loud it is; one goes over into the next.
    which = np.repeat(range(len(segments)), [max(2, round(s / STEP)) for s in lasts])
    shapes = np.array([MOUTHS[segments[i][1]] for i in which]) * size
    shapes *= random.normal(1, 0.03, 3)
    loud = np.array([segments[i][2:4] for i in which])
    hiss_at = np.array([segments[i][4] for i in which], float)
    n = int(len(which) * STEP * RATE)
    t = np.arange(n) / RATE / STEP
    shapes = np.stack([smooth(t, shapes[:, i], 3) for i in range(3)])
    voice, hiss = (smooth(t, loud[:, i], 2) for i in range(2))
    melody = pitch * random.normal(1, 0.05) * (1.1 - 0.25 * np.arange(n) / n)
    turns = 2 * np.pi * np.cumsum(melody) / RATE
    sound = np.zeros(n)
    for k in range(1, int(3900 / melody.max())):
        gain = sum(
            1 / (1 + ((k * melody - f) / b) ** 2) for f, b in zip(shapes, WIDE, strict=True)
        )
        sound += gain / np.sqrt(k) * np.sin(k * turns)
    sound *= voice
    for centre in set(hiss_at) - {0}:
        part = np.interp(t, np.arange(len(which)), hiss_at == centre)
        sound += 2 * hiss * part * around(centre, n, random)
    return sound / np.abs(sound).max()


def smooth(t, values, width):
    padded = np.pad(values, width, mode="edge")
    return np.interp(
        t, np.arange(len(padded)) - width, np.convolve(padded, np.ones(width) / width, "same")
    )


def around(centre, n, random):
    """Noise of the frequencies around one."""
    spectrum = np.fft.rfft(random.normal(0, 1, n))
    frequencies = np.fft.rfftfreq(n, 1 / RATE)
    noise = np.fft.irfft(spectrum * np.exp(-(((frequencies - centre) / 500) ** 2)), n)
    return noise / noise.std()


def heard(word, speaker, random):
    """int16 [frames][FRAME]: silence, a word, silence."""
    sound = spoken(word, speaker, random)
    before = round(random.uniform(0.3, 0.5) * RATE)
    n = -(-(before + len(sound) + RATE * 6 // 10) // FRAME) * FRAME
    whole = random.normal(0, 30, n)
    whole[before : before + len(sound)] += sound * 6000 * 2 ** random.normal(0, 0.7)
    return whole.clip(-32768, 32767).astype(np.int16).reshape(-1, FRAME)


def recording(seed=1, taught=10, shown=10):
    """Each word is taught so often, in turn, and then shown: [(button, word, frames)]."""
    random = np.random.default_rng(seed)
    speaker = random.uniform(100, 220), random.uniform(0.9, 1.15)
    for button, times in (True, taught), (False, shown):
        for word in list(range(len(WORDS))) * times:
            yield word if button else NO_BUTTON, word, heard(word, speaker, random)


def write(path, records):
    with open(path, "wb") as file:
        for button, word, frames in records:
            file.write(bytes([button, word, len(frames)]) + frames.astype("<i2").tobytes())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", help="where the recording goes")
    write(parser.parse_args().file, recording())
