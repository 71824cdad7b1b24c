# The models that are measured, and what is done with them; sent to boards.
import gc

import tinyprop as tp

POLICIES = {
    "full": tp.Full,
    "default": lambda: None,
    "topk25": tp.TopK,
    "tinyprop": tp.TinyProp,
    "tinypropv2": tp.TinyPropV2,
}


def mlp(options):
    return tp.Model(64, [tp.Dense(32, "relu"), tp.Dense(10)], **options)


def mnist(options):
    return tp.Model(784, [tp.Dense(32, "relu"), tp.Dense(16, "relu"), tp.Dense(10)], **options)


def cnn(options):
    layers = [
        tp.Conv2D(8, 3, padding="same", activation="relu"),
        tp.MaxPool2D(2),
        tp.Conv2D(16, 3, padding="same", activation="relu"),
        tp.Dense(10),
    ]
    return tp.Model((8, 8, 1), layers, **options)


def kws(options):
    layers = [
        tp.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
        tp.DepthwiseConv2D(3, padding="same", activation="relu"),
        tp.Conv2D(16, 1, activation="relu"),
        tp.AvgPool2D(5),
        tp.Dense(12),
    ]
    return tp.Model((49, 40, 1), layers, **options)


def vision(options):
    layers = [
        tp.Conv2D(4, 3, activation="relu"),
        tp.MaxPool2D(2),
        tp.Conv2D(8, 3, activation="relu"),
        tp.Dense(3),
    ]
    return tp.Model((64, 64, 3), layers, **options)


MODELS = {
    "mlp-64-32-10": mlp,
    "mnist-784-32-16-10": mnist,
    "cnn-8x8": cnn,
    "kws-cnn": kws,
    "vision-64x64x3": vision,
}


def build(case, policy):
    gc.collect()
    return MODELS[case]({"policy": POLICIES[policy](), "input_range": (0, 255)})


def each(x, y):
    """The samples in x, one by one, and their class numbers."""
    n = len(x) // len(y)
    view = memoryview(x)
    for i in range(len(y)):
        yield view[i * n : i * n + n], y[i]


def learn(model, x, y):
    for sample, label in each(x, y):
        model.learn(sample, label)


def predict(model, x, y):
    """How many are right."""
    return sum(model.predict(sample) == label for sample, label in each(x, y))
