"""A recording in place of camera and buttons, to try the example with. draw.py makes one.

For each frame it has a byte with the number of the button that was pressed, or 255; a byte with
the number of the thing before the camera; and the frame, 64 x 64 pixels of red, green and blue.
"""


class Recording:
    """capture, pressed and show for main.run(), from an open file. right counts what was seen
    rightly, of `shown` frames."""

    def __init__(self, file):
        self.file = file
        self.head = bytearray(2)  # button, thing
        self.shown = self.right = 0

    def capture(self, frame):
        self.file.readinto(self.head)
        return self.file.readinto(frame) == len(frame)

    def pressed(self):
        return self.head[0] if self.head[0] < 255 else None

    def show(self, thing):
        self.shown += 1
        self.right += thing == self.head[1]
