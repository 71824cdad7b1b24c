"""examples/gesture on drawn recordings: what it learns, in MicroPython with the same bits as here;
and its driver, on a bus that has this chip or that."""

import io
from array import array
from binascii import crc32

import pytest
from example import drawn_twice, in_micropython, modules

IN_MICROPYTHON = """
import accelerometer, io, main, recorded
from binascii import crc32
model = main.new_model()
record = recorded.Recording(open({!r}, "rb"), main.READINGS)
main.run(model, record.read_of(accelerometer.Accelerometer(record)), record.pressed, record.show)
saved = io.BytesIO()
model.save(saved, replay=True)
print(record.right, record.shown, crc32(saved.getvalue()))
"""


@pytest.fixture(scope="module")
def example():
    with modules(["gesture"], "main", "accelerometer", "draw", "recorded") as example:
        yield example


def learned(example, path, seed=1):
    """A model after a recording; and the recording, which counted."""
    with open(path, "rb") as file:
        record = example.recorded.Recording(file, example.main.READINGS)
        sensor = example.accelerometer.Accelerometer(record)
        model = example.main.new_model(seed)
        example.main.run(model, record.read_of(sensor), record.pressed, record.show)
    return model, record


def test_ten_examples_of_each_gesture_are_enough(example, tmp_path):
    right = shown = 0
    for seed in range(1, 6):
        example.draw.write(tmp_path / "drawn.bin", example.draw.recording(seed))
        model, record = learned(example, tmp_path / "drawn.bin", seed)
        assert model.stats()["steps"] == 40
        right, shown = right + record.right, shown + record.shown
    assert shown == 5 * 4 * 10 * 5 and right / shown >= 0.95


def test_a_recording_is_drawn_again_to_the_byte(example, tmp_path):
    assert len(drawn_twice(tmp_path, example.draw, 1, 1)) == 4 * (3 + 100 * 6) + 4 * (3 + 200 * 6)


def test_micropython_learns_the_same(example, tmp_path):
    file = tmp_path / "drawn.bin"
    example.draw.write(file, example.draw.recording(1, 3, 2))
    model, record = learned(example, file)
    saved = io.BytesIO()
    model.save(saved, replay=True)
    expected = f"{record.right} {record.shown} {crc32(saved.getvalue())}\n"
    assert in_micropython(["gesture"], IN_MICROPYTHON.format(str(file))) == expected


class Bus:
    """I2C with one chip, whose registers are these."""

    def __init__(self, address, registers):
        self.address, self.registers = address, registers

    def scan(self):
        return [0x3C, self.address]  # and a display

    def readfrom_mem(self, address, register, n):
        assert address == self.address
        return bytes(self.registers[register + i] for i in range(n))

    def readfrom_mem_into(self, address, register, buffer):
        buffer[:] = self.readfrom_mem(address, register, len(buffer))

    def writeto_mem(self, address, register, data):
        assert address == self.address and len(data) == 1
        self.registers[register] = data[0]


def chip(address, who_am_i, says, status, data, measured):
    registers = {who_am_i: says, status: 1}
    registers.update({data + i: byte for i, byte in enumerate(measured)})
    return Bus(address, registers)


MEASURED = {
    True: bytes([0x20, 0, 0xFF, 0xFE, 0x80, 0]),
    False: bytes([0, 0x20, 0xFE, 0xFF, 0, 0x80]),
}


@pytest.mark.parametrize("address, says", [(0x68, 0x68), (0x69, 0x70)])
def test_an_mpu6050(example, address, says):
    bus = chip(address, 0x75, says, 0x3A, 0x3B, MEASURED[True])
    sensor, reading = example.accelerometer.Accelerometer(bus), array("h", [0] * 3)
    sensor.read(reading)
    assert (sensor.name, list(reading)) == ("MPU6050", [8192, -2, -32768])
    # Awake (bit 6 is sleep), 100 readings a second, 4 g, data ready is told.
    assert not bus.registers[0x6B] & 0x40 and 1000 / (1 + bus.registers[0x19]) == 100
    assert bus.registers[0x1C] >> 3 & 3 == 1 and bus.registers[0x38] & 1


@pytest.mark.parametrize("address, says", [(0x6A, 0x69), (0x6B, 0x6C)])
def test_an_lsm6ds(example, address, says):
    bus = chip(address, 0x0F, says, 0x1E, 0x28, MEASURED[False])
    sensor, reading = example.accelerometer.Accelerometer(bus), array("h", [0] * 3)
    sensor.read(reading)
    assert (sensor.name, list(reading)) == ("LSM6DS", [8192, -2, -32768])
    # 104 readings a second, 4 g; registers one after the other, and both bytes of one reading.
    assert bus.registers[0x10] == 0b0100_10_00 and bus.registers[0x12] & 0x44 == 0x44


def test_what_is_wrong_on_the_bus(example):
    new = example.accelerometer.Accelerometer
    with pytest.raises(OSError, match="no MPU6050 .* is on the bus, where 0x3c, 0x20 is: are its"):
        new(Bus(0x20, {}))
    with pytest.raises(OSError, match="the chip at 0x68 says that it is 0xd1, expected 0x68, "):
        new(Bus(0x68, {0x75: 0xD1}))
    bus = chip(0x68, 0x75, 0x68, 0x3A, 0x3B, MEASURED[True])
    sensor = new(bus)
    bus.registers[0x3A] = 0
    with pytest.raises(OSError, match="the MPU6050 has no new reading: was it without power?"):
        sensor.read(array("h", [0] * 3))
