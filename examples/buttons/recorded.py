"""A recording in place of sensors and buttons, to try the example with. draw.py makes one.

For each reading it has a byte with the number of the button that was pressed, or 255; one with the
number of the thing before the sensors; and a number of 16 bits for each sensor, as read_u16() of
an ADC gives it, the low byte first.
"""


class Recording:
    """read, pressed and show for main.run(), from an open file. right counts what was seen
    rightly, of `shown` readings."""

    def __init__(self, file):
        self.file = file
        self.head = bytearray(2)  # button, thing
        self.shown = self.right = 0

    def read(self, reading):
        self.file.readinto(self.head)
        return self.file.readinto(reading) == 2 * len(reading)

    def pressed(self):
        return self.head[0] if self.head[0] < 255 else None

    def show(self, thing):
        self.shown += 1
        self.right += thing == self.head[1]
