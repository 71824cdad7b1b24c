"""What an installation has to do; run in its environment.

python smoke.py c|numpy [FILE X LABEL]...: the core that should be there, and models that should
know something.
"""

import sys

import _tinyprop
import tinyprop as tp

core, *known = sys.argv[1:]
assert "site-packages" in tp.__file__, tp.__file__
assert _tinyprop.backend() == core, _tinyprop.backend()

m = tp.Model(3, [tp.Dense(16, activation="relu"), tp.Dense(3)])
samples = (0.02, -0.05, 0.98), (0.97, 0.04, 0.11), (-0.03, 1.02, 0.05)
# As in the README: the same number on every machine.
assert m.learn_many(list(samples) * 50, [0, 1, 2] * 50) == 49
assert [m.predict(x) for x in samples] == [0, 1, 2]

for file, x, label in zip(known[::3], known[1::3], known[2::3], strict=True):
    assert tp.load(file).predict([float(value) for value in x.split(",")]) == int(label)
print("ok")
