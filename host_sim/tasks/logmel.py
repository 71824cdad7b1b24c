"""Log-mel energies of a second of sound at 16 kHz: 49 windows of 40 ms, 40 bands."""

from functools import cache

import numpy as np

RATE, WINDOW, HOP, BANDS = 16000, 640, 320, 40
LOWEST, HIGHEST = 20, 7600  # Hz
FLOOR = 1e-6  # so that silence has a logarithm


def mel(hertz):
    return 2595 * np.log10(1 + hertz / 700)


@cache
def bands():
    """[frequency, band]: triangles between neighbouring points, evenly spaced in mel."""
    points = np.linspace(mel(LOWEST), mel(HIGHEST), BANDS + 2)
    frequencies = mel(np.fft.rfftfreq(WINDOW, 1 / RATE))[:, None]
    rising = (frequencies - points[:-2]) / (points[1:-1] - points[:-2])
    falling = (points[2:] - frequencies) / (points[2:] - points[1:-1])
    return np.maximum(np.minimum(rising, falling), 0)


def of_clip(sound):
    """A row of 49 x 40 logarithms; a shorter clip is padded with silence."""
    sound = np.pad(sound[:RATE], (0, max(0, RATE - len(sound))))
    windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(windows * np.hanning(WINDOW))) ** 2
    return np.log(power @ bands() + FLOOR).ravel()
