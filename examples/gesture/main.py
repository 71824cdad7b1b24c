"""Four gestures, each taught with a button of its own.

Press a button and make its gesture: what the accelerometer measures in the second after that is
learned. Else the light of the gesture that was made last is on. README.md has how to connect all,
and what to copy to a board.
"""

from array import array

import tinyprop as tp

GESTURES = 4
READINGS = 100  # in a window: a second of them


def new_window():
    return tp.Window(READINGS, hop=READINGS // 4, axes=3)


def new_model(seed=1):
    n = len(new_window().features)
    layers = [tp.Dense(24, activation="relu"), tp.Dense(GESTURES)]
    return tp.Model(n, layers, replay=10 * GESTURES, seed=seed)


def run(model, read, pressed, show):
    """Takes one reading after the other, for as long as there are any.

    read(reading): fills an array("h") with three numbers; False: no more
    pressed(): the number of the button that is pressed, or None
    show(gesture): is told which gesture is seen
    """
    window, reading = new_window(), array("h", [0, 0, 0])
    taught = None  # the gesture that the window is of, or None
    while read(reading):
        if taught is None:
            taught = pressed()
            if taught is not None:
                window.clear()
        if window.push(reading):
            if taught is not None:
                model.learn(window.features, taught)
                taught = None
                window.clear()
            elif model.stats()["steps"]:  # before the first gesture it knows nothing
                show(model.predict(window.features))


def start():
    from accelerometer import Accelerometer

    # Pins of the accelerometer, of your buttons, which connect them to GND, and of your lights.
    from machine import I2C, Pin

    sensor = Accelerometer(I2C(0, sda=Pin(4), scl=Pin(5), freq=400000))
    buttons = [Pin(n, Pin.IN, Pin.PULL_UP) for n in (10, 11, 12, 13)]
    lights = [Pin(n, Pin.OUT) for n in (18, 19, 20, 21)]
    print("found a chip like", sensor.name)

    def read(reading):
        sensor.read(reading)
        return True

    def pressed():
        for gesture, button in enumerate(buttons):
            if button.value() == 0:
                return gesture
        return None

    def show(gesture):
        for i, light in enumerate(lights):
            light.value(i == gesture)

    try:
        model = tp.load("gestures.tp")
    except OSError:
        model = new_model()
    try:
        run(model, read, pressed, show)
    except KeyboardInterrupt:  # Ctrl-C at the prompt
        model.save("gestures.tp", replay=True)


if __name__ == "__main__":
    start()
