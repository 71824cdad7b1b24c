"""What a newcomer would begin with: a data set, the shape of a sample, a few layers."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import tinyprop as tp
from sklearn import datasets as sklearn_sets
from sklearn.model_selection import LeaveOneOut, train_test_split

from . import datasets

LONGEST = 4000  # samples to learn from
TEST = 0.3  # of a data set that comes in one piece

OWN = {  # scikit-learn's, each in the units it was measured in
    "iris": sklearn_sets.load_iris,
    "wine": sklearn_sets.load_wine,
    "breast_cancer": sklearn_sets.load_breast_cancer,
    "diabetes": partial(sklearn_sets.load_diabetes, scaled=False),
    "linnerud": sklearn_sets.load_linnerud,
    "digits": sklearn_sets.load_digits,
}


@dataclass
class Net:
    """One hidden layer, with two convolutions below it if samples are images."""

    title: str
    data: str
    hidden: int
    image: tuple | None = None  # height, width, channels
    loss: str = "crossentropy"
    leave_one_out: bool = False
    seeds: int = 10

    @property
    def numbers(self):
        """Whether it tells numbers, not classes."""
        return self.loss == "mse"

    def parts(self, seed, folder):
        """[(train, test)], each (x, y): one split, or one for each sample that is left out."""
        if self.data not in OWN:
            return [drawn(datasets.load(self.data, folder), seed)]
        x, y = OWN[self.data](return_X_y=True)
        x = x.astype("f4")
        y = y.reshape(len(y), -1).astype("f4") if self.numbers else y
        if self.leave_one_out:
            splits = LeaveOneOut().split(x)
            return [((x[train], y[train]), (x[test], y[test])) for train, test in splits]
        classes = None if self.numbers else y
        split = train_test_split(x, y, test_size=TEST, stratify=classes, random_state=seed)
        x, test_x, y, test_y = split
        return [((x, y), (test_x, test_y))]

    def model(self, x, y, **settings):
        """For samples like x and y."""
        conv = partial(tp.Conv2D, strides=2, padding="same", activation="relu")
        below = [conv(8, 3), conv(16, 3)] if self.image else []
        n_out = y.shape[1] if self.numbers else int(y.max()) + 1
        layers = [*below, tp.Dense(self.hidden, activation="relu"), tp.Dense(n_out)]
        return tp.Model(self.image or x.shape[1], layers, loss=self.loss, **settings)


def drawn(data, seed):
    """Samples drawn from the training set, and the whole test set."""
    chosen = np.random.default_rng(seed).permutation(len(data.y_train))[:LONGEST]
    return (data.x_train[chosen], data.y_train[chosen]), (data.x_test, data.y_test)


NETS = {
    "iris": Net("Iris", "iris", 16),
    "wine": Net("Wine", "wine", 16),
    "breast_cancer": Net("Breast cancer", "breast_cancer", 16),
    "diabetes": Net("Diabetes", "diabetes", 16, loss="mse"),
    "linnerud": Net("Linnerud", "linnerud", 16, loss="mse", leave_one_out=True),
    "digits": Net("Digits", "digits", 32),
    "mnist": Net("MNIST", "mnist", 32, seeds=5),
    "har": Net("HAR", "har", 32, seeds=5),
    "speech": Net("Speech Commands", "speech", 64, seeds=5),
    "mnist_cnn": Net("MNIST CNN", "mnist", 32, (28, 28, 1), seeds=5),
    "speech_cnn": Net("Speech Commands CNN", "speech", 32, (49, 40, 1), seeds=5),
    "cifar10_cnn": Net("CIFAR-10 CNN", "cifar10", 32, (32, 32, 3), seeds=5),
}
