"""Three things before a camera, each taught with a button of its own.

Hold a thing before the camera and press its button: what the camera sees while it is pressed is
learned. Else the light of the thing that is seen is on. README.md has what to copy to a board, and
which lines to change.
"""

import tinyprop as tp

SIDE = 64  # pixels, high and wide
CHANNELS = 3  # red, green and blue; 1: grey


def new_model(channels=CHANNELS, replay=6, seed=1):
    layers = [
        tp.Conv2D(4, 3, activation="relu"),
        tp.MaxPool2D(2),
        tp.Conv2D(8, 3, activation="relu"),
        tp.Dense(3),
    ]
    shape = SIDE, SIDE, channels
    return tp.Model(shape, layers, input_range=(0, 255), replay=replay, seed=seed)


def run(model, capture, pressed, show, channels=CHANNELS):
    """Looks at one frame after the other, for as long as there are any.

    capture(frame): fills a bytearray with a frame, row by row, channels innermost; False: no more
    pressed(): the number of the button that is pressed, or None
    show(thing): is told which thing is seen
    """
    frame = bytearray(SIDE * SIDE * channels)
    while capture(frame):
        thing = pressed()
        if thing is None:
            show(model.predict(frame))
        else:
            model.learn(frame, thing)


def start():
    # The camera: this file for an ESP32, openmv_camera for an OpenMV board.
    from esp32_camera import capture

    # Pins of your buttons, which connect them to GND, and of your lights.
    from machine import Pin

    buttons = [Pin(n, Pin.IN, Pin.PULL_UP) for n in (1, 2, 3)]
    lights = [Pin(n, Pin.OUT) for n in (4, 5, 6)]

    def pressed():
        for thing, button in enumerate(buttons):
            if button.value() == 0:
                return thing
        return None

    def show(thing):
        for i, light in enumerate(lights):
            light.value(i == thing)

    try:
        model = tp.load("seen.tp")
    except OSError:
        model = new_model()
    model.summary()
    try:
        run(model, capture, pressed, show)
    except KeyboardInterrupt:  # Ctrl-C at the prompt
        model.save("seen.tp", replay=True)


if __name__ == "__main__":
    start()
