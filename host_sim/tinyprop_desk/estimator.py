"""A Model as an estimator of scikit-learn, for its pipelines, searches and cross-validations."""

import warnings
from numbers import Integral

import numpy as np
import tinyprop as tp
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .arrays import apart, blurred, names_of, numbers
from .report import scores_of


class _Estimator(BaseEstimator):
    """What classifier and regressor share.

    hidden: units of each hidden layer. epochs: passes over the samples in fit, each in another
    order. All else: of Model. `model_` is the Model, ready for a board: model_.save("net.tp").
    """

    def __init__(
        self,
        hidden=(32,),
        activation="relu",
        epochs=50,
        lr=None,
        policy=None,
        replay=0,
        random_state=1,
    ):
        self.hidden = hidden
        self.activation = activation
        self.epochs = epochs
        self.lr = lr
        self.policy = policy
        self.replay = replay
        self.random_state = random_state

    def fit(self, X, y):
        """Learns from all samples, anew."""
        if not isinstance(self.epochs, Integral) or self.epochs < 1:
            raise ValueError(f"epochs is {self.epochs!r}, expected a whole number from 1")
        X, y = self._checked(X, y, reset=True)
        fault = self._fault(X, y)
        if fault:
            raise ValueError(fault)
        X = numbers("X", X)
        self._start(y)
        labels = self._as_labels(y)
        order = check_random_state(self.random_state)
        for _ in range(self.epochs):
            shuffled = order.permutation(len(X))
            self._learn(X[shuffled], labels[shuffled])
        return self

    def _fault(self, X, y):
        """What float32 does not hold apart, and what to do; None if there is nothing."""
        i = blurred(X)
        if i is None:
            return None
        names = getattr(self, "feature_names_in_", range(X.shape[1]))
        return apart(f"column {names[i]} of X")

    def _warn(self, X, y):
        """As _fault, of samples from which others may lie far."""
        fault = self._fault(X, y)
        if fault:
            warnings.warn(f"in these samples {fault}", stacklevel=3)

    def _make(self, units, loss, names=None):
        if not np.iterable(self.hidden) or isinstance(self.hidden, str):
            raise ValueError(
                f"hidden is {self.hidden!r}, expected the units of each hidden layer, such as"
                " (32,) or (32, 16), or () for none"
            )
        random = check_random_state(self.random_state)
        layers = [tp.Dense(n, activation=self.activation) for n in self.hidden]
        self.model_ = tp.Model(
            self.n_features_in_,
            [*layers, tp.Dense(units)],
            loss=loss,
            lr=self.lr,
            policy=self.policy,
            replay=self.replay,
            seed=int(random.randint(1 << 30)),
            classes=names,
        )

    def _learn(self, X, labels):
        self.model_.learn_many(X.ravel(), labels.ravel())

    def _scores(self, X):
        check_is_fitted(self, "model_")
        X = validate_data(self, X, dtype=np.float32, reset=False)
        return scores_of(self.model_, X)


class TinyPropClassifier(ClassifierMixin, _Estimator):
    """A classifier in integers."""

    def _checked(self, X, y, reset):
        X, y = validate_data(self, X, y, dtype=np.float64, reset=reset)
        check_classification_targets(y)
        return X, y

    def _start(self, classes):
        self.classes_ = np.unique(classes)
        self._make(max(len(self.classes_), 2), "crossentropy", names_of(self.classes_))

    def _as_labels(self, y):
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"y has the classes {unknown}, which are not among {self.classes_}")
        return np.searchsorted(self.classes_, y).astype(np.int32)

    def partial_fit(self, X, y, classes=None):
        """Learns from each sample once, in order. classes: all there are, at the first call."""
        first = not hasattr(self, "model_")
        X, y = self._checked(X, y, reset=first)
        self._warn(X, y)
        if first:
            if classes is None:
                raise ValueError("classes must be given to the first partial_fit: all there are")
            self._start(classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes is {classes}, expected {self.classes_} as in the first partial_fit"
            )
        self._learn(X, self._as_labels(y))
        return self

    def predict_proba(self, X):
        """[samples, classes]"""
        p = self._scores(X)[:, : len(self.classes_)].astype(float)
        return p / p.sum(1, keepdims=True)

    def predict(self, X):
        p = self._scores(X)[:, : len(self.classes_)]
        return self.classes_[p.argmax(1)]


class TinyPropRegressor(RegressorMixin, _Estimator):
    """A regressor in integers, of one number or several."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _checked(self, X, y, reset):
        return validate_data(
            self, X, y, dtype=np.float64, reset=reset, multi_output=True, y_numeric=True
        )

    def _fault(self, X, y):
        i = blurred(y.reshape(len(y), -1))
        if i is None:
            return super()._fault(X, y)
        return apart("y" if y.ndim == 1 else f"column {i} of y")

    def _start(self, y):
        self.one_ = y.ndim == 1
        self._make(1 if self.one_ else y.shape[1], "mse")

    def _as_labels(self, y):
        return numbers("y", y.astype(float))

    def partial_fit(self, X, y):
        """Learns from each sample once, in order."""
        first = not hasattr(self, "model_")
        X, y = self._checked(X, y, reset=first)
        self._warn(X, y)
        if first:
            self._start(y)
        self._learn(X, self._as_labels(y))
        return self

    def predict(self, X):
        scores = self._scores(X).astype(float)
        return scores[:, 0] if self.one_ else scores
