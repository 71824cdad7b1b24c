"""A network that reads digits, and goes on reading when the camera has been turned.

It was trained on a PC, on upright digits. Here it sees them one after the other, and is told each
time which digit it was, as by somebody who has keys for that. README.md has how to make what it
needs.
"""

import tinyprop as tp

EVERY = 100  # digits after which it says how many of them it knew


def run(model, read, learns=True):
    """read(image): fills a bytearray with the next image and returns which digit it is; None: no
    more. Returns how many of each hundred it knew before it was told."""
    image = bytearray(64)
    known, right, seen = [], 0, 0
    digit = read(image)
    while digit is not None:
        right += model.predict(image) == digit
        if learns:
            model.learn(image, digit)
        seen += 1
        if seen % EVERY == 0:
            print("digit", seen, "knew", right, "of", EVERY)
            known.append(right)
            right = 0
        digit = read(image)
    return known


def digits(file):
    """read for run(), from a file that make.py made."""

    def read(image):
        if file.readinto(image) < len(image):
            return None
        return file.read(1)[0]

    return read


def start():
    for learns in False, True:
        print("It learns on:" if learns else "As it came from the PC:")
        with open("stream.bin", "rb") as file:
            model = tp.load("digits.tp")
            run(model, digits(file), learns)
    model.save("digits_turned.tp")


if __name__ == "__main__":
    start()
