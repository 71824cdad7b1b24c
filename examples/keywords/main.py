"""Four words, each taught with a button of its own.

Hold a button down and say its word: what the microphone heard is learned. Else the light of the
word that was heard last is on. README.md has how to connect all, and what to copy to a board.
"""

from array import array

import tinyprop as tp
from bands import BANDS, FRAME, of_frame

WORDS = 4
FRAMES = 24  # of a word, from its beginning on: three quarters of a second
LOUDER = 32  # than silence, in steps of a sixteenth of an octave, is the beginning of a word
BELOW = 96  # so many steps below the loudest is silence, too


def new_model(seed=1):
    layers = [tp.Dense(24, activation="relu"), tp.Dense(WORDS)]
    ranges = (0, BELOW)
    return tp.Model(FRAMES * BANDS, layers, input_range=ranges, replay=10 * WORDS, seed=seed)


class Ear:
    """Finds words among frames of a sound. word: bytes for learn and predict, of the last one."""

    def __init__(self):
        self.word = bytearray(FRAMES * BANDS)
        self._at = 0
        self._silence = None  # how loud it is when nothing is said

    def hears(self, samples):
        """Takes a frame. True when it was the last one of a word."""
        word, at = self.word, self._at
        of_frame(samples, word, at)
        loud = max(word[at : at + BANDS])
        if at == 0 and not self._begins(loud):
            return False
        self._at += BANDS
        if self._at < len(word):
            return False
        self._at = 0
        loudest = max(word)
        for i in range(len(word)):  # whether it was said loudly or not
            word[i] = max(0, word[i] + BELOW - loudest)
        return True

    def _begins(self, loud):
        """Whether a word does. Silence is what it is like else; it may change."""
        silence = self._silence
        if silence is None:
            self._silence = loud
        elif loud < silence + LOUDER:
            self._silence = (7 * silence + loud) >> 3
        return silence is not None and loud >= silence + LOUDER


def run(model, hear, pressed, show):
    """Takes one frame after the other, for as long as there are any.

    hear(samples): fills an array("h"); False: no more
    pressed(): the number of the button that is pressed, or None
    show(word): is told which word was heard
    """
    ear, samples = Ear(), array("h", [0] * FRAME)
    while hear(samples):
        if ear.hears(samples):
            word = pressed()
            if word is None:
                show(model.predict(ear.word))
            else:
                model.learn(ear.word, word)


def start():
    # Pins of the microphone, of your buttons, which connect them to GND, and of your lights.
    from machine import I2S, Pin
    from microphone import RATE, Microphone

    format = {"mode": I2S.RX, "bits": 32, "format": I2S.MONO, "rate": RATE, "ibuf": 8 * 4 * FRAME}
    microphone = Microphone(I2S(0, sck=Pin(6), ws=Pin(7), sd=Pin(8), **format), FRAME)
    buttons = [Pin(n, Pin.IN, Pin.PULL_UP) for n in (10, 11, 12, 13)]
    lights = [Pin(n, Pin.OUT) for n in (18, 19, 20, 21)]

    def pressed():
        for word, button in enumerate(buttons):
            if button.value() == 0:
                return word
        return None

    def show(word):
        for i, light in enumerate(lights):
            light.value(i == word)

    try:
        model = tp.load("words.tp")
    except OSError:
        model = new_model()
    try:
        run(model, microphone.read, pressed, show)
    except KeyboardInterrupt:  # Ctrl-C at the prompt
        model.save("words.tp", replay=True)


if __name__ == "__main__":
    start()
