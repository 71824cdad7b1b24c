"""A thermostat that learns how a room warms up, and switches its heater off in time.

A radiator stays hot for a while after it is switched off, so a plain thermostat makes a room too
warm, and then lets it get too cold. This one learns what becomes of the temperature in the next
minutes, from what became of it before. README.md has how to connect it, and what to copy to a
board.
"""

from array import array

import tinyprop as tp

AHEAD = 15  # minutes that it looks ahead
LESSONS = 240  # minutes that it learns before it relies on that


def new_model(seed=1):
    """In: how far it is from the target, how that has changed, and for how many minutes it heated,
    and will heat. Out: how many degrees warmer it will get."""
    layers = [tp.Dense(16, activation="tanh"), tp.Dense(1)]
    degrees, minutes = (-2, 2), (0, AHEAD)
    input_range = [degrees, degrees, minutes, minutes]
    return tp.Model(
        4, layers, loss="mse", input_range=input_range, output_range=(-2, 2), seed=seed
    )


class Thermostat:
    """Told once a minute how warm it is, it says whether to heat for a minute."""

    def __init__(self, model, target=20):
        self.model, self.target = model, target
        self._warm = []  # how warm it was in the last minutes, the newest one last
        self._heated = []  # whether it heated then
        self._x = array("f", [0] * 4)

    def tell(self, degrees):
        heats = degrees < self.target
        if len(self._warm) == 2 * AHEAD:
            self._learn(degrees)
            self._warm.pop(0)
            self._heated.pop(0)
        self._warm.append(degrees)
        if self.model.stats()["steps"] > LESSONS and len(self._warm) == 2 * AHEAD:
            # How warm will it be, if no more is heated?
            self._look(2 * AHEAD - 1, 0)
            heats = degrees + self.model.predict(self._x) < self.target
        self._heated.append(heats)
        return heats

    def _learn(self, degrees):
        """What it was like some minutes ago, and what has become of it."""
        then = AHEAD
        self._look(then, sum(self._heated[then:]))
        self.model.learn(self._x, degrees - self._warm[then])

    def _look(self, now, will_heat):
        """What the model is told of a minute, by its place among the last ones."""
        x, warm = self._x, self._warm
        before = max(now - AHEAD, 0)
        x[0] = warm[now] - self.target
        x[1] = warm[now] - warm[before]
        x[2] = sum(self._heated[before:now])
        x[3] = will_heat


def run(thermostat, read, heat):
    """read: waits a minute and tells how warm it is; None: no more. heat(on): switches the
    heater."""
    degrees = read()
    while degrees is not None:
        heat(thermostat.tell(degrees))
        degrees = read()


def start():
    import time

    from aht20 import AHT20

    # Pins of the sensor, and of a relay that switches the heater.
    from machine import I2C, Pin

    sensor = AHT20(I2C(0, sda=Pin(4), scl=Pin(5), freq=100000))
    relay = Pin(18, Pin.OUT, value=0)

    def read():
        time.sleep(60)
        degrees, humidity = sensor.read()
        print("%.2f degrees, %.0f %% of humidity" % (degrees, humidity))
        if model.stats()["steps"] % 10 == 0:
            print(model.stats())  # for tinyprop watch
        return degrees

    try:
        model = tp.load("room.tp")
    except OSError:
        model = new_model()
    model.autosave("room.tp")
    try:
        run(Thermostat(model), read, relay.value)
    except KeyboardInterrupt:  # Ctrl-C at the prompt
        model.save("room.tp")
    finally:  # whatever happens, it does not heat on
        relay.value(0)


if __name__ == "__main__":
    start()
