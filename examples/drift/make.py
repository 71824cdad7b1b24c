"""Makes what the example needs, on a PC with scikit-learn: a network that reads digits, and digits
to read, some of which are turned.

    python examples/drift/make.py

digits.tp is a network that scikit-learn trained on upright digits; stream.bin has others: for each
8 x 8 pixels, bytes of 0 (white) to 16 (black), then which digit it is. The first ones stand
upright; then somebody has knocked against the camera, and they are turned by 35 degrees.
"""

import numpy as np
import tinyprop as tp
from scipy.ndimage import rotate
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

TRAINED_ON = 1000  # of 1797; the others are the stream
UPRIGHT = 200  # of the stream
ANGLE = 35  # degrees


def network(x, y, seed=1):
    """A Model of what scikit-learn has learned, which will remember 100 of what it learns then."""
    net = MLPClassifier((48,), learning_rate_init=0.003, tol=0.001, random_state=seed)
    return tp.from_sklearn(net.fit(x, y), x, y, replay=100)


def turned(x):
    images = [rotate(image.reshape(8, 8), ANGLE, reshape=False, order=1) for image in x]
    return np.clip(images, 0, 16).reshape(len(x), 64)


def write(path, x, y):
    with open(path, "wb") as file:
        for image, digit in zip(x, y, strict=True):
            file.write(image.round().astype(np.uint8).tobytes() + bytes([digit]))


def make(seed=1):
    """(the Model, x, y) of a stream."""
    x, y = load_digits(return_X_y=True)
    model = network(x[:TRAINED_ON], y[:TRAINED_ON], seed)
    x, y = x[TRAINED_ON:], y[TRAINED_ON:]
    return model, np.concatenate([x[:UPRIGHT], turned(x[UPRIGHT:])]), y


if __name__ == "__main__":
    model, x, y = make()
    model.save("digits.tp")
    write("stream.bin", x, y)
