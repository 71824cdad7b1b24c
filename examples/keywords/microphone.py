"""A microphone by I2S: an INMP441, ICS-43434, SPH0645 or their kin."""

from array import array

# Samples a second: the slowest clock, of 64 ticks a sample, that these microphones take.
RATE = 8000


class Microphone:
    """i2s: a machine.I2S that receives 32 bits a sample, of one channel."""

    def __init__(self, i2s, n):
        self._i2s = i2s
        # The lower and the upper half of each sample.
        self._halves = array("h", [0] * (2 * n))

    def read(self, samples):
        """Waits for as many samples as array("h") has room for; False: there are no more.

        Of 32 bits it takes those from 12 on. Louder than these can be is what is shouted at it.
        """
        halves = self._halves
        if self._i2s.readinto(halves) < 4 * len(samples):
            return False
        for i in range(len(samples)):
            value = halves[2 * i + 1] << 4 | (halves[2 * i] >> 12) & 15
            samples[i] = max(-32768, min(32767, value))
        return True
