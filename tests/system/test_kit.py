"""host_sim/studies/kit: what every study is built from."""

import numpy as np
import pytest
import tinyprop as tp

from host_sim import internals
from host_sim.studies.kit import command, jobs, learning, tables
from host_sim.tasks import datasets, digits


def square(n):
    return n * n


def test_results_are_in_the_order_of_their_jobs_and_none_is_done_again():
    before = {2: "known", 5: "known"}
    with jobs.pool() as workers:
        done = jobs.finish(workers, square, range(7), "squares", before.get)
    assert done == [0, 1, "known", 9, 16, "known", 36]


def test_spreads():
    assert tables.sd([3]) == 0 and tables.sd([1, 3]) == pytest.approx(2**0.5)
    assert tables.standard_error([1, 3]) == pytest.approx(1)
    assert tables.mean([1, 2]) == 1.5 and tables.mean([1, None]) is None
    assert tables.percent(0.5) == "50.0" and tables.percent(0.5, 0.01) == "50.0 ± 1.0"
    assert tables.number(None, 2, "-") == "-" and tables.number(0.125, 2, "-") == "0.12"


def test_markdown():
    text = tables.markdown("lr", ("name", "n"), [("a", 1), ("b", 22)])
    assert text == "| name | n |\n|---|---:|\n| a | 1 |\n| b | 22 |"


def test_csv(tmp_path):
    path = tmp_path / "reports" / "table.csv"
    assert tables.read_csv(path) == []
    tables.write_csv(path, [{"a": 1, "b": None}, {"a": "x,y", "b": 0.5}])
    assert path.read_bytes() == b'a,b\n1,\n"x,y",0.5\n'
    assert tables.read_csv(path) == [{"a": "1", "b": ""}, {"a": "x,y", "b": "0.5"}]


def new_model(policy):
    layers = [tp.Dense(16, activation="relu"), tp.Dense(10)]
    return tp.Model(64, layers, lr=0.05, input_range=(0, 16), policy=policy)


@pytest.mark.parametrize("floats", (False, True))
def test_epochs(floats):
    train, validation = learning.split(*digits.load()[0], seed=1)
    assert len(validation[1]) == 1437 // 5 and len(train[1]) == 1437 - 1437 // 5
    rows = {bytes(row) for row in train[0]}
    assert not any(bytes(row) in rows for row in validation[0])
    model = learning.Variant(floats=floats).cast(new_model(tp.TopK(0.25)))
    rates = []
    for _ in learning.epochs(model, *train, n=2, seed=1, decay=0.5):
        rates.append(model.lr)
    assert np.allclose(rates, (0.025, 0.0125), rtol=0.02)
    assert 0.8 < model.evaluate(*validation) <= 1
    shares = learning.shares(model)
    assert shares["steps"] == 2 * len(train[1]) and shares["skipped_share"] == 0
    full = 16 * 64 + 2 * 16 * 10  # multiplications of a dense backward pass
    assert shares["backward_share"] == pytest.approx((2 * 160 + 4 * 64) / full, abs=1e-3)
    assert (shares["backward_share_nonzero"] is None) == floats


def test_work_is_that_of_the_public_figures():
    (x, y), _ = digits.load()
    model = new_model(tp.TinyPropV2())
    model.learn_many(x, y)
    stats, shares = model.stats(), learning.shares(model)
    assert internals.counters(model).steps == stats["steps"] == 1437
    for name in "backward_share", "backward_share_nonzero":
        assert shares[name] == pytest.approx(stats[name])
    assert shares["skipped_share"] == stats["skipped"] / 1437


def test_what_was_learned_goes_to_another_model():
    """Ranges and the means of inputs too."""
    (x, y), (test_x, test_y) = digits.load()
    layers = [tp.Dense(16, activation="relu"), tp.Dense(10)]
    old, new = (tp.Model(64, layers, seed=seed) for seed in (1, 2))
    old.learn_many(x[:1000], y[:1000])
    internals.transfer(new, old)
    assert new.input_range == old.input_range and new.stats()["steps"] == 0
    assert new.evaluate(test_x, test_y) == old.evaluate(test_x, test_y) > 0.85
    assert new.loss == old.loss
    means = [[layer.means.tolist() for layer in internals.weighted(m)] for m in (old, new)]
    assert means[0] == means[1] and np.any(means[0][0])
    new.learn_many(x[1000:], y[1000:])
    assert new.evaluate(test_x, test_y) > 0.88


def test_arguments(tmp_path, capsys):
    parser = command.parser_with_data("study", "what it asks")
    parser.add_argument("--only", type=command.listed(("a", "b")))
    assert parser.parse_args([str(tmp_path), "--only", "b,a"]).only == ["b", "a"]
    for wrong in ([""], [str(tmp_path / "none")], [str(tmp_path), "--only", "a,c"]):
        with pytest.raises(SystemExit):
            parser.parse_args(wrong)
    assert "c is none of a, b" in capsys.readouterr().err


def test_a_data_set_that_is_missing_is_named(tmp_path, capsys):
    assert command.present(["har", "food"], tmp_path) == []
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 and all("is left out" in line for line in said)
    assert said[1].startswith(datasets.SOURCES["food"].title)
