"""A recording in place of a microphone and buttons, to try the example with. draw.py makes one.

For each word it has a byte with the number of the button that was pressed, or 255; one with the
number of the word; one that says how many frames follow; and these, of 256 samples of 16 bits, the
low byte first.
"""

from bands import FRAME


class Recording:
    """An I2S that receives; and pressed and show for main.run(). right counts what was heard
    rightly, of `shown` words that nobody taught."""

    def __init__(self, file):
        self.file = file
        self.head = bytearray(3)  # button, word, frames
        self.left = 0  # frames of this word
        self.shown = self.right = 0

    def readinto(self, halves):
        """Samples of 32 bits, as a microphone gives them: their lower and upper halves."""
        if self.left == 0:
            if self.file.readinto(self.head) < 3:
                return 0
            self.left = self.head[2]
        self.left -= 1
        frame = self.file.read(2 * FRAME)
        for i in range(FRAME):
            low, high = frame[2 * i], frame[2 * i + 1]
            sample = low | high << 8
            sample -= sample >> 15 << 16
            lower = (sample & 15) << 12
            halves[2 * i] = lower - (lower >> 15 << 16)
            halves[2 * i + 1] = sample >> 4
        return 2 * len(halves)

    def pressed(self):
        return self.head[0] if self.head[0] < 255 else None

    def show(self, word):
        self.shown += 1
        self.right += word == self.head[1]
