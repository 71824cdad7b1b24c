"""An AHT20 or AHT21 by I2C: the temperature of the air, and its humidity."""

import time

_ADDRESS = 0x38
_CALIBRATED = 0x08  # bits of the first byte: the sensor knows its calibration,
_BUSY = 0x80  # and it is measuring
_PATIENCE = 20  # how often to ask for a measurement, which takes 80 ms


class AHT20:
    """sleep: waits for so many seconds."""

    def __init__(self, i2c, sleep=time.sleep):
        self._i2c, self._sleep = i2c, sleep
        self._bytes = bytearray(7)
        there = i2c.scan()
        if _ADDRESS not in there:
            seen = ", ".join("0x%02x" % address for address in there) or "nothing"
            raise OSError(
                "no AHT20 (0x38) is on the bus, where %s is: are its VCC, GND, SDA and SCL"
                " connected, to the pins that I2C was given?" % seen
            )
        if not i2c.readfrom(_ADDRESS, 1)[0] & _CALIBRATED:
            i2c.writeto(_ADDRESS, b"\xbe\x08\x00")
            sleep(0.01)

    def read(self):
        """(degrees Celsius, per cent of humidity)"""
        data = self._bytes
        self._i2c.writeto(_ADDRESS, b"\xac\x33\x00")
        for _ in range(_PATIENCE):
            self._sleep(0.04)
            self._i2c.readfrom_into(_ADDRESS, data)
            if not data[0] & _BUSY:
                break
        else:
            raise OSError("the AHT20 does not come to an end: was it without power?")
        if checksum(data, 6) != data[6]:
            raise OSError("what the AHT20 says was damaged on its way: are the wires too long?")
        humidity = data[1] << 12 | data[2] << 4 | data[3] >> 4
        temperature = (data[3] & 15) << 16 | data[4] << 8 | data[5]
        return temperature * 200 / 1048576 - 50, humidity * 100 / 1048576


def checksum(data, n):
    """The one that the sensor sends after n bytes: a CRC, x^8 + x^5 + x^4 + 1, from 0xff on."""
    crc = 0xFF
    for i in range(n):
        crc ^= data[i]
        for _ in range(8):
            crc = crc << 1 ^ (0x131 if crc & 0x80 else 0)
    return crc
