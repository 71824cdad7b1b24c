"""Hears from its vibration that a motor is not as it was.

An accelerometer is fixed to the motor. For the first minutes all that it measures is taken as
normal; from then on a light is on while the motor shakes in another way. README.md has how to
connect it, and what to copy to a board.
"""

from array import array

import tinyprop as tp

READINGS = 128  # in a window: a bit more than a second of them
NORMAL = 300  # windows that it learns from
IN_A_ROW = 3  # so many odd windows are an alarm: of single ones chance makes some


def run(anomaly, read, show, normal=NORMAL):
    """Takes one reading after the other, for as long as there are any.

    read(reading): fills an array("h") with three numbers; False: no more
    show(score, alarm): is told how odd a window is, and whether the last ones were
    """
    window, reading = new_window(), array("h", [0, 0, 0])
    odd = 0
    while read(reading):
        if not window.push(reading):
            continue
        if anomaly.seen < normal:
            anomaly.learn(window.features)
            continue
        score = anomaly.score(window.features)
        odd = odd + 1 if score > 1 else 0
        show(score, odd >= IN_A_ROW)


def new_window():
    return tp.Window(READINGS, axes=3)


def new_anomaly(seed=1):
    return tp.Anomaly(len(new_window().features), seed=seed)


def start():
    from accelerometer import Accelerometer  # of examples/gesture

    # Pins of the accelerometer and of the light.
    from machine import I2C, Pin

    sensor = Accelerometer(I2C(0, sda=Pin(4), scl=Pin(5), freq=400000))
    light = Pin(18, Pin.OUT)

    def read(reading):
        sensor.read(reading)
        if anomaly.seen == NORMAL and not saved:
            anomaly.save("motor.tp")
            saved.append(True)
        return True

    def show(score, alarm):
        print("%.2f" % score, "alarm" if alarm else "")
        light.value(alarm)

    saved = []
    try:
        anomaly = tp.Anomaly.load("motor.tp")
    except OSError:
        anomaly = new_anomaly()
    run(anomaly, read, show)


if __name__ == "__main__":
    start()
