"""Three things that light sensors see, each taught with a button of its own.

While a button is pressed, what the sensors measure is learned. Else the light of what is seen is
on. README.md has how to connect all, and what to copy to a board.
"""

from array import array

import tinyprop as tp

THINGS = 3
SENSORS = 3


def new_model(seed=1):
    layers = [tp.Dense(12, activation="relu"), tp.Dense(THINGS)]
    return tp.Model(SENSORS, layers, replay=20 * THINGS, seed=seed)


def run(model, read, pressed, show):
    """Takes one reading after the other, for as long as there are any.

    read(reading): fills an array("H") with a number of each sensor; False: no more
    pressed(): the number of the button that is pressed, or None
    show(thing): is told which thing is seen
    """
    reading = array("H", [0] * SENSORS)
    taught = model.stats()["steps"] > 0
    while read(reading):
        thing = pressed()
        if thing is not None:
            model.learn(reading, thing)
            print(thing, *reading, sep=",")  # for tinyprop record
            if model.stats()["steps"] % 10 == 0:
                print(model.stats())  # for tinyprop watch
            taught = True
        elif taught:
            show(model.predict(reading))


def start():
    import time

    # Pins of the sensors, of your buttons, which connect them to GND, and of your lights.
    from machine import ADC, Pin

    sensors = [ADC(Pin(n)) for n in (26, 27, 28)]
    buttons = [Pin(n, Pin.IN, Pin.PULL_UP) for n in (10, 11, 12)]
    lights = [Pin(n, Pin.OUT) for n in (18, 19, 20)]

    def read(reading):
        time.sleep_ms(100)
        for i, sensor in enumerate(sensors):
            reading[i] = sensor.read_u16()
        return True

    def pressed():
        for thing, button in enumerate(buttons):
            if button.value() == 0:
                return thing
        return None

    def show(thing):
        for i, light in enumerate(lights):
            light.value(i == thing)

    try:
        model = tp.load("things.tp")
    except OSError:
        model = new_model()
    try:
        run(model, read, pressed, show)
    except KeyboardInterrupt:  # Ctrl-C at the prompt
        model.save("things.tp", replay=True)


if __name__ == "__main__":
    start()
