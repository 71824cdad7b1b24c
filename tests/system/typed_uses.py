"""Uses of the public API that a type checker accepts, and misuses that it reports.

Only `make lint` reads this, by mypy, which also reports an ignore that nothing needs: so each line
below that has one stays an error, and of that kind.
"""

from array import array
from io import BytesIO

import tinyprop as tp
from typing_extensions import assert_type

x = array("f", [0.5] * 64)
names = ["circle", "cross"]


def uses() -> None:
    picture = [
        tp.Conv2D(4, 3, padding="same", activation="relu"),
        tp.DepthwiseConv2D((3, 1), strides=(2, 1)),
        tp.MaxPool2D(),
        tp.AvgPool2D((1, 2)),
        tp.GlobalAvgPool2D(),
        tp.Dense(2, trainable=False),
    ]
    m = tp.Model((8, 8, 1), picture, policy=tp.TinyPropV2(skip=0.2), input_range=(0, 1))
    assert_type(m.learn(x, 1), bool)
    window = tp.Window(50, hop=25, axes=3)
    m.predict(window.features) if window.push((1, 2, 3)) else 0
    assert_type(tp.Anomaly.load("motor.tp").score(window.features), float)
    member = tp.fleet.Member(m, tp.fleet.Serial(), "motor.tp")
    assert_type(member.step([x, x], [0, 1]), bool)
    assert_type(m.learn_many([x, x], [0, 1]), int)
    assert_type(m.evaluate(memoryview(x), b"\1"), float)
    names[m.predict(x)]
    names[m.predict_into(x, array("f", [0, 0]))]
    assert_type(m.predict_proba(x), list[float])
    by_name = tp.Model(64, [tp.Dense(3)], classes=names)
    by_name.learn(x, "circle")
    by_name.learn_many([x, x], ["circle", "cross"])
    assert_type(by_name.classes, list[str | None])
    assert_type(m.knows(x), bool)
    m.lr = 0.1
    m.lr *= 0.5
    m.lr = None
    m.input_range = None
    assert_type(m.loss, float)
    assert_type(m.stats()["dead"], list[int])
    assert_type(m.check(), list[str])
    m.reset()
    m.reset(seed=3)
    m.summary()

    series = [
        tp.Conv1D(4, 5, 2),
        tp.MaxPool1D(),
        tp.AvgPool1D(2),
        tp.GlobalAvgPool1D(),
        tp.Dense(2, "tanh"),
        tp.Dense(2),
    ]
    regression = tp.Model([32, 2], series, "mse", lr=None, output_range=[(0, 1), (-1, 1)], seed=7)
    regression.learn(list(x), (0.5, 1))
    rows = [[0.5, 1], (2, 3)] * 16
    regression.learn(rows, (0.5, 1))
    regression.learn_many([rows, rows], [(0.5, 1), (0, 0)])
    regression.predict([x[2 * i : 2 * i + 2] for i in range(32)])
    m.predict([[[0.5], [1.0]] * 4] * 8)
    regression.predict(x)[1] - 0.5
    for lo, hi in regression.input_range + regression.output_range:
        (lo + hi) / 2

    file = BytesIO()
    m.save(file)
    m.save("m.tp", replay=True)
    assert_type(tp.load(file), tp.Model)
    for policy in (tp.Full(), tp.TopK(0.1), tp.TinyProp(0.1, zeta=0.9), tp.Diffused()):
        tp.Model(4, [tp.Dense(2)], policy=policy)
    tp.Model(4, [tp.Dense(2)], policy=tp.Adaptive(0.2, least=0.05, skip=0))
    print(tp.__version__.split("."))


def misuses(m: tp.Model) -> None:
    tp.Dense("2")  # type: ignore[arg-type]
    tp.Dense(2, activation="swish")  # type: ignore[arg-type]
    tp.Dense(2, bias=False)  # type: ignore[call-arg]
    tp.Conv2D(4)  # type: ignore[call-arg]
    tp.Conv2D(4, (3, 3, 3))  # type: ignore[arg-type]
    tp.Conv1D(4, (1, 3))  # type: ignore[arg-type]
    tp.MaxPool2D(2, 2)  # type: ignore[call-arg]
    tp.TopK("most")  # type: ignore[arg-type]
    tp.Adaptive(most=0.5)  # type: ignore[call-arg]
    tp.Model("4", [tp.Dense(2)])  # type: ignore[arg-type]
    tp.Model(4, tp.Dense(2))  # type: ignore[arg-type]
    tp.Model(4, [tp.Dense])  # type: ignore[list-item]
    tp.Model(4, [tp.Dense(2)], loss="mae")  # type: ignore[arg-type]
    tp.Model(4, [tp.Dense(2)], policy=0.1)  # type: ignore[arg-type]
    tp.Model(4, [tp.Dense(2)], input_range=1)  # type: ignore[arg-type]
    tp.Model(4, [tp.Dense(2)], optimizer="adam")  # type: ignore[call-arg]
    m.learn(x)  # type: ignore[call-arg]
    m.learn(0.5, 1)  # type: ignore[arg-type]
    m.learn("0.5", 1)  # type: ignore[arg-type]
    m.learn(x, None)  # type: ignore[arg-type]
    m.learn_many(x, 1)  # type: ignore[arg-type]
    m.predict_into(x, [0, 0])  # type: ignore[arg-type]
    m.lr = "fast"  # type: ignore[assignment]
    m.input_range = (0, 1)  # type: ignore[assignment]
    m.output_range = [(0, 1)]  # type: ignore[assignment]
    m.loss = 0.0  # type: ignore[misc]
    m.stats()["clamped"]  # type: ignore[typeddict-item]
    m.save(open("m.tp", "w"))  # type: ignore[arg-type]
    m.fit(x, [1])  # type: ignore[attr-defined]
    tp.load()  # type: ignore[call-arg]
    tp.Softmax()  # type: ignore[attr-defined]
    tp.Scaler()  # type: ignore[attr-defined]
