"""How loud the octaves of a sound are, in whole numbers.

Half the difference of two neighbouring samples is what they have of the highest octave, and their
mean is the sound without it, at half the rate; and so on downwards. At 8000 samples a second these
are 2 to 4 kHz, 1 to 2 kHz, .. and 125 to 250 Hz. It is a bank of filters that takes two additions
a sample.
"""

FRAME = 256  # samples, 32 ms
BANDS = 5


def of_frame(samples, features, at):
    """Puts BANDS bytes into features. samples, an array("h") of FRAME, is used up."""
    n = FRAME
    for band in range(BANDS):
        n >>= 1
        total = 0
        for i in range(n):
            a, b = samples[2 * i], samples[2 * i + 1]
            total += abs(a - b)
            samples[i] = (a + b) >> 1
        features[at + band] = loudness(total // n)


def loudness(n):
    """16 times the logarithm of 1 to 65535 to the base 2, by a straight line in each octave."""
    n = max(n, 1)
    octave = 0
    while n >> octave > 1:
        octave += 1
    return 16 * octave + (n << 4 >> octave) - 16
