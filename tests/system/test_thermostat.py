"""examples/thermostat in rooms that are computed: how well it heats, in MicroPython the same as
here; and its driver, on a bus with an AHT20 that is well or not."""

import io
from binascii import crc32

import pytest
from example import in_micropython, modules

IN_MICROPYTHON = """
import aht20, io, main, room
from binascii import crc32
model = main.new_model()
house = room.Room(2)
sensor = aht20.AHT20(house, house.sleep)
main.run(main.Thermostat(model), house.read_of(sensor), house.heat)
saved = io.BytesIO()
model.save(saved)
print("%.6f" % house.off, crc32(saved.getvalue()))
"""


@pytest.fixture(scope="module")
def example():
    with modules(["thermostat"], "main", "aht20", "room") as example:
        yield example


def degrees_off(example, thermostat, days, seed=1):
    house = example.room.Room(days, seed)
    sensor = example.aht20.AHT20(house, house.sleep)
    example.main.run(thermostat, house.read_of(sensor), house.heat)
    return house.off


def test_it_keeps_a_room_more_even_than_a_plain_thermostat(example):
    plain = learning = 0
    for seed in range(1, 7):
        plain += degrees_off(example, example.room.Plain(), 4, seed)
        model = example.main.new_model(seed)
        learning += degrees_off(example, example.main.Thermostat(model), 4, seed)
    assert learning < plain / 2


def test_micropython_does_the_same(example):
    model = example.main.new_model()
    off = degrees_off(example, example.main.Thermostat(model), 2)
    saved = io.BytesIO()
    model.save(saved)
    said = in_micropython(["thermostat"], IN_MICROPYTHON)
    assert said == f"{off:.6f} {crc32(saved.getvalue())}\n"


class Bus:
    """I2C with an AHT20 that answers so, once it was asked to measure."""

    def __init__(self, answer, status=0x18, address=0x38):
        self.answer, self.status, self.address, self.written = answer, status, address, []

    def scan(self):
        return [self.address]

    def readfrom(self, address, n):
        return bytes([self.status])

    def writeto(self, address, data):
        self.written.append(data)

    def readfrom_into(self, address, buffer):
        buffer[:] = bytes(self.answer)


# 0x80000 of 2^20 of humidity, 0x5999a of temperature: 50 % and 20 degrees.
GOOD = [0x1C, 0x80, 0x00, 0x05, 0x99, 0x9A]


def with_checksum(data):
    """By the long division that the datasheet's polynomial stands for."""
    rest = int.from_bytes(bytes([data[0] ^ 0xFF, *data[1:], 0]), "big")
    for bit in range(8 * len(data) + 7, 7, -1):
        if rest >> bit & 1:
            rest ^= 0x131 << bit - 8
    return [*data, rest]


def test_an_aht20(example):
    bus = Bus(with_checksum(GOOD))
    degrees, humidity = example.aht20.AHT20(bus, sleep=lambda seconds: None).read()
    assert abs(degrees - 20) < 0.001 and humidity == 50
    assert bus.written == [b"\xac\x33\x00"]
    bus = Bus(with_checksum(GOOD), status=0x10)
    example.aht20.AHT20(bus, sleep=lambda seconds: None)
    assert bus.written == [b"\xbe\x08\x00"]  # it had no calibration


def test_what_is_wrong_on_the_bus(example):
    def new(*arguments, **options):
        return example.aht20.AHT20(Bus(*arguments, **options), sleep=lambda seconds: None)

    with pytest.raises(OSError, match=r"no AHT20 \(0x38\) is on the bus, where 0x76 is: are its"):
        new(GOOD, address=0x76)
    with pytest.raises(OSError, match="damaged on its way"):
        new([*with_checksum(GOOD)[:6], 0]).read()
    with pytest.raises(OSError, match="does not come to an end"):
        new(with_checksum([0x9C, *GOOD[1:]])).read()
