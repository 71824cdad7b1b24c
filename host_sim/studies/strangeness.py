"""Scores in floating point of how strange a sample is: what a board has no room for, to see how
much there is to reach. Each is made from all training samples, with no setting chosen by results.
"""

import warnings

import numpy as np
from scipy.special import logsumexp
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier

TAUGHT = "a network that was taught this class, too"


def scores(x, y, known, strange, seed):
    """{way: scores of known and strange samples}. x, y: the training set."""
    x, known, strange = (part.astype(float) for part in (x, known, strange))
    asked = np.concatenate([known, strange])
    net = network(x, y, seed)
    by_class = nearest_mean_by_class(x, y, asked)
    hidden_by_class = nearest_mean_by_class(hidden(net, x), y, hidden(net, asked))
    by_discriminants = between_discriminants(x, y, asked)
    found = {
        "probability": -net.predict_proba(asked).max(1),
        "energy of logits": -logsumexp(logits(net, asked), axis=1),
        "nearest training sample": NearestNeighbors(n_neighbors=1)
        .fit(x)
        .kneighbors(asked)[0][:, 0],
        "Mahalanobis, a spread for each value": nearest_mean(x, y, asked, of_values),
        "Mahalanobis, one covariance": nearest_mean(x, y, asked, of_all),
        "Mahalanobis, a covariance for each class": by_class,
        "the same of the hidden layer": hidden_by_class,
        "Mahalanobis, between discriminants": by_discriminants,
        "product of the last three": by_class * hidden_by_class * by_discriminants,
    }
    return {way: np.split(score, [len(known)]) for way, score in found.items()}


def taught_all(x, y, left_out, known, strange, seed):
    """The same of a network that knows the class that was left out, by the probability of that."""
    net = network(x.astype(float), y, seed)
    column = list(net.classes_).index(left_out)
    return {TAUGHT: [net.predict_log_proba(part)[:, column] for part in (known, strange)]}


def network(x, y, seed):
    net = MLPClassifier(hidden_layer_sizes=(32,), max_iter=20, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # as it learns little from there on
        return net.fit(x, y)


def hidden(net, x):
    return np.maximum(x @ net.coefs_[0] + net.intercepts_[0], 0)


def logits(net, x):
    return hidden(net, x) @ net.coefs_[1] + net.intercepts_[1]


def means(x, y):
    return np.array([x[y == c].mean(0) for c in np.unique(y)])


def nearest_mean(x, y, asked, inverse):
    """Squared distances to the nearest mean of a class. inverse: of a covariance."""
    centres = means(x, y)
    within = inverse(x - centres[y])
    return np.min([mahalanobis(asked - c, within) for c in centres], axis=0)


def nearest_mean_by_class(x, y, asked):
    """With a covariance for each class."""
    centres = means(x, y)
    of_class = [of_all(x[y == i] - c) for i, c in enumerate(centres)]
    return np.min(
        [mahalanobis(asked - c, w) for c, w in zip(centres, of_class, strict=True)], axis=0
    )


def of_all(differences):
    return np.linalg.inv(ledoit_wolf(differences)[0])


def of_values(differences):
    return np.diag(1 / (differences.var(0) + 1e-6))


def mahalanobis(differences, inverse):
    return ((differences @ inverse) * differences).sum(1)


def between_discriminants(x, y, asked):
    """Where classes are farthest apart, measured by what they spread there."""
    discriminants = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(x, y)
    return nearest_mean(discriminants.transform(x), y, discriminants.transform(asked), of_values)
