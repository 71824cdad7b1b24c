"""An accelerometer by I2C: an MPU6050, an LSM6DS3, or one of their kin.

A reading is three whole numbers, 8192 of which are 1 g, up to 4 g. There are 100 a second, or 104.
"""

# Where a chip may be on the bus; the register that tells what it is, and what kin say there; what
# is written into which register; which one's lowest bit says that there is a new reading, and
# where that begins, with the high byte first or the low one.
_CHIPS = {
    "MPU6050": {
        "addresses": (0x68, 0x69),
        "who_am_i": 0x75,
        "kin": (0x68, 0x70, 0x71, 0x73),  # MPU6050, MPU6500, MPU9250, MPU9255
        "settings": (
            (0x6B, 0x01),  # PWR_MGMT_1: awake, by the clock of the gyroscope
            (
                0x1A,
                0x03,
            ),  # CONFIG: what is faster than 44 Hz is filtered out, 1000 readings a second
            (0x19, 0x09),  # SMPLRT_DIV: every tenth of them
            (0x1C, 0x08),  # ACCEL_CONFIG: up to 4 g
            (0x38, 0x01),  # INT_ENABLE: a new reading is told
        ),
        "status": 0x3A,
        "data": 0x3B,
        "high_first": True,
    },
    "LSM6DS": {
        "addresses": (0x6A, 0x6B),
        "who_am_i": 0x0F,
        "kin": (
            0x69,
            0x6A,
            0x6B,
            0x6C,
        ),  # LSM6DS3, LSM6DS3TR-C or LSM6DSL, LSM6DSR, LSM6DSO or DSOX
        "settings": (
            (0x12, 0x44),  # CTRL3_C: both bytes of a number are of the same reading
            (0x10, 0x48),  # CTRL1_XL: 104 readings a second, up to 4 g
        ),
        "status": 0x1E,
        "data": 0x28,
        "high_first": False,
    },
}
_PATIENCE = 10000  # how often to ask for a new reading; at 400 kHz a second or two


class Accelerometer:
    """The first such chip on the bus. name: which of the two kinds it is."""

    def __init__(self, i2c):
        self._i2c = i2c
        self._bytes = bytearray(6)
        self._state = bytearray(1)
        self._find(i2c.scan())
        for register, value in self._chip["settings"]:
            self._write(register, value)

    def _find(self, there):
        for name, chip in _CHIPS.items():
            for address in chip["addresses"]:
                if address in there:
                    self.name, self._chip, self._address = name, chip, address
                    self._check()
                    return
        seen = ", ".join("0x%02x" % address for address in there) or "nothing"
        raise OSError(
            "no MPU6050 (0x68 or 0x69) and no LSM6DS (0x6a or 0x6b) is on the bus, where %s is:"
            " are its VCC, GND, SDA and SCL connected, to the pins that I2C was given?" % seen
        )

    def _check(self):
        says = self._i2c.readfrom_mem(self._address, self._chip["who_am_i"], 1)[0]
        if says not in self._chip["kin"]:
            kin = ", ".join("0x%02x" % number for number in self._chip["kin"])
            raise OSError(
                "the chip at 0x%02x says that it is 0x%02x, expected %s: it is no %s"
                % (self._address, says, kin, self.name)
            )

    def _write(self, register, value):
        self._i2c.writeto_mem(self._address, register, bytes([value]))

    def read(self, reading):
        """Waits for a new reading, and fills an array("h") with it: x, y and z."""
        i2c, address, state = self._i2c, self._address, self._state
        for _ in range(_PATIENCE):
            i2c.readfrom_mem_into(address, self._chip["status"], state)
            if state[0] & 1:
                break
        else:
            raise OSError("the %s has no new reading: was it without power?" % self.name)
        i2c.readfrom_mem_into(address, self._chip["data"], self._bytes)
        first = 0 if self._chip["high_first"] else 1
        for i in range(3):
            value = self._bytes[2 * i + first] << 8 | self._bytes[2 * i + 1 - first]
            reading[i] = value - (value >> 15 << 16)
