"""A room in place of sensor and heater, to try the example with.

A radiator warms the air, the air the walls, and the cold outside takes it all, more of it at
night. The sensor is slow, and has noise. Each seed makes another room, the same everywhere.
"""

import math

from aht20 import checksum

DAY = 1440  # minutes


class Room:
    """An I2C bus with an AHT20 on it; and heat for main.run(). off: how far from a target the air
    was, in degrees and in the mean, from the second day on."""

    def __init__(self, days, seed=1, target=20):
        self.minutes, self.minute, self.target = days * DAY, 0, target
        self._seed = seed * 2654435761
        self._outside, self._power = self._between(-5, 8), self._between(1.6, 2.4)
        self._radiator = self._air = self._walls = self._sensor = 16.0
        self._sum = 0

    @property
    def off(self):
        return self._sum / (self.minute - DAY)

    def _between(self, lo, hi):
        """A random number; MicroPython's would be others than a PC's."""
        for _ in range(3):
            self._seed = (self._seed * 1103515245 + 12345) % 0x80000000
        return lo + (hi - lo) * self._seed / 0x80000000

    def heat(self, on):
        """A minute passes."""
        outside = self._outside - 4 * math.cos(2 * math.pi * self.minute / DAY)
        given = 0.035 * (self._radiator - self._air)
        walled = self._air - self._walls
        self._radiator += self._power * on - given
        self._air += given / 4 - 0.02 * walled - 0.006 * (self._air - outside)
        self._walls += 0.004 * walled - 0.0006 * (self._walls - outside)
        self._sensor += (self._air - self._sensor) / 4
        if self.minute >= DAY:
            self._sum += abs(self._air - self.target)
        self.minute += 1

    # ---- the AHT20

    def scan(self):
        return [0x38]

    def readfrom(self, address, n):
        return b"\x18"

    def writeto(self, address, data):
        self._busy = 2

    def readfrom_into(self, address, buffer):
        self._busy -= 1
        measured = self._sensor + self._between(-0.03, 0.03)
        raw = int((measured + 50) / 200 * 1048576) | 0x80000 << 20  # at 50 % of humidity
        buffer[0] = 0x98 if self._busy else 0x18
        for i in range(5):
            buffer[1 + i] = raw >> 8 * (4 - i) & 0xFF
        buffer[6] = checksum(buffer, 6)

    def sleep(self, seconds):
        pass

    def read_of(self, sensor):
        """read for main.run()"""
        return lambda: sensor.read()[0] if self.minute < self.minutes else None


class Plain:
    """A thermostat that learns nothing, to compare with."""

    def tell(self, degrees):
        return degrees < 20
