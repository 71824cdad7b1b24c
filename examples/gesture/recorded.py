"""A recording in place of an MPU6050 and buttons, to try the example with. draw.py makes one.

For each gesture it has a byte with the number of the button that was pressed, or 255; one with the
number of the gesture; one that says how many readings follow; and these, each of the 6 bytes that
the chip has in its registers.
"""


class Recording:
    """An I2C bus with an MPU6050 on it; and pressed and show for main.run(). right counts what was
    seen rightly, of `shown` windows with one gesture in them."""

    def __init__(self, file, window):
        self.file, self.window = file, window
        self.head = bytearray(3)  # button, gesture, readings
        self.past = 0  # readings of this gesture so far
        self.shown = self.right = 0
        self.registers = {0x75: 0x68, 0x3A: 1}

    def scan(self):
        return [0x68]

    def readfrom_mem(self, address, register, n):
        return bytes([self.registers[register]])

    def writeto_mem(self, address, register, data):
        self.registers[register] = data[0]

    def readfrom_mem_into(self, address, register, buffer):
        if register == 0x3B:
            if self.past == self.head[2]:
                self.past = 0
                self.more = self.file.readinto(self.head) == 3
            self.more = self.more and self.file.readinto(buffer) == 6
            self.past += 1
        else:
            buffer[0] = self.registers[register]

    def read_of(self, sensor):
        """read for main.run()"""

        def read(reading):
            sensor.read(reading)
            return self.more

        return read

    def pressed(self):
        return self.head[0] if self.head[0] < 255 else None

    def show(self, gesture):
        if self.past >= self.window:
            self.shown += 1
            self.right += gesture == self.head[1]
