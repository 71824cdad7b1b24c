"""Commands that need no board: samples in files; `tinyprop train`, `import` and `evaluate`."""

import os
import pty
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
import tinyprop as tp
from matplotlib import image
from matplotlib.colors import to_rgb
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_diabetes, load_digits, load_iris
from tinyprop_cli import board, files, samples, screen, train
from tinyprop_cli.board import Problem
from tinyprop_desk import boards

GOLDEN = Path(__file__).resolve().parents[1] / "golden/onnx"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_iris(names=True, label=str, order=slice(None)):
    data = load_iris()
    with open("iris.csv", "w") as file:
        if names:
            file.write("sepal length,sepal width,petal length,petal width,name\n")
        for x, y in list(zip(data.data, data.target, strict=True))[order]:
            file.write(",".join(map(str, [*x, label(data.target_names[y])])) + "\n")


def share(text):
    """Of right answers, that a command printed."""
    return float(re.search(r"samples are right, ([\d.]+)%", text)[1])


# ---- train and evaluate


def test_a_table_becomes_a_model(said):
    write_iris()
    text = said("train", "iris.csv", "-o", "flowers.tp")
    assert "150 samples of 4 values, in 3 classes: setosa (50), versicolor (50), virg" in text
    assert "Model(4 -> Dense(32, activation='relu') -> Dense(3); 259 parameters, 0 steps)" in text
    assert "held out" in text and "of 30 samples are right" in text and share(text) > 90
    assert "fits each board: ESP32_GENERIC, " in text
    model = tp.load("flowers.tp")
    assert model.stats()["steps"] == 50 * 120
    assert model.classes == ["setosa", "versicolor", "virginica"]
    text = said("evaluate", "flowers.tp", "iris.csv")
    assert share(text) > 94
    rows = re.findall(r"│ (\w+) +│ +(\d*) │ +(\d*) │ +(\d*) │", text)
    counts = np.array([[int(n or 0) for n in row[1:]] for row in rows])
    assert [row[0] for row in rows] == ["setosa", "versicolor", "virginica"]
    assert list(counts.sum(1)) == [50, 50, 50]
    assert f"{counts.trace()} of 150 samples are right" in text


def test_samples_of_some_of_the_classes(said):
    write_iris()
    said("train", "iris.csv", "--epochs", 5)
    write_iris(order=slice(100, 150))
    text = said("evaluate", "model.tp", "iris.csv")
    right = re.search(r"(\d+) of 50 samples are right, and only virginica was tested\.", text)[1]
    assert int(right) > 40 and "Without a sample, so not tested: setosa, versicolor.\n" in text
    write_iris(label=lambda name: f"{name}?")
    text = said("evaluate", "model.tp", "iris.csv", code=1)
    assert "iris.csv has the labels setosa?, versicolor?, virginica?, and the classes" in text
    assert "classes of the model are setosa, versicolor, virginica." in text


def test_classes_that_are_numbers(said):
    for first, classes in (0, [None] * 3), (1, ["1", "2", "3"]):
        Path("t.csv").write_text("".join(f"{i % 3},{i % 3 + first}\n" for i in range(2, 62)))
        assert "12 of 12 samples are right" in said("train", "t.csv")
        assert tp.load("model.tp").classes == classes
        assert "60 of 60 samples are right" in said("evaluate", "model.tp", "t.csv")
    Path("t.csv").write_text("0,0\n1,1\n")
    text = said("evaluate", "model.tp", "t.csv", code=1)
    assert "t.csv has the label 0, and the classes of the model are 1, 2, 3." in text


def test_names_that_differ_in_capitals_alone_are_told(said):
    names = ["Dry", "dry", "DRY", "wet", "Wet", "flood"]
    Path("t.csv").write_text("".join(f"{i % 6},{names[i % 6]}\n" for i in range(60)))
    text = said("train", "t.csv", "--epochs", 1)
    lines = [line for line in text.splitlines() if "capitals" in line]
    assert lines == [
        "These classes differ in capitals alone: DRY, Dry, dry, Wet, wet. If they are the same,"
        " write them alike in t.csv."
    ]
    write_iris()
    assert "capitals" not in said("train", "iris.csv", "--epochs", 1)


def test_classes_of_many_digits(said):
    Path("t.csv").write_text("".join(f"{i % 2},{20261128001 + i % 2}\n" for i in range(60)))
    said("train", "t.csv", "--epochs", 1)
    assert tp.load("model.tp").classes == ["20261128001", "20261128002"]


def test_names_of_digits_and_underscores(said):
    names = ["1_2", "1_3", "2_1"]
    Path("t.csv").write_text("".join(f"{i % 3},{names[i % 3]}\n" for i in range(60)))
    assert "in 3 classes: 1_2 (20), 1_3 (20), 2_1 (20)" in said("train", "t.csv")
    assert tp.load("model.tp").classes == names


def test_names_that_are_numbers_match_labels_that_are_these_numbers(said):
    model = tp.Model(1, [tp.Dense(3)], classes=["01", "02", "1"], input_range=(0, 1))
    model.set_weights(0, [[-9, 9, 0]], [4, -5, -9])
    model.save("m.tp")
    table = "x,label\n0,{}\n1,{}\n0,{}\n"
    for labels in ("01", "2", "1"), ("1.0", "02", "01"), ("01", "2.0", "a"):
        Path("t.csv").write_text(table.format(*labels))
        if "a" in labels:
            text = said("evaluate", "m.tp", "t.csv", code=1)
            assert "t.csv has the label a, and the classes of the model are 01, 02, 1." in text
        else:
            assert "1 of 3 samples are right" in said("evaluate", "m.tp", "t.csv")
    model = tp.Model(1, [tp.Dense(3)], classes=["01", "02", "a"], input_range=(0, 1))
    model.set_weights(0, [[-9, 9, 0]], [4, -5, -9])
    model.save("m.tp")
    for labels in ("01", "2", "1"), ("1.0", "02", "a"):
        Path("t.csv").write_text(table.format(*labels))
        right = 2 + ("a" not in labels)
        assert f"{right} of 3 samples are right" in said("evaluate", "m.tp", "t.csv")


def test_outputs_to_spare_are_no_answer(said):
    model = tp.Model(1, [tp.Dense(5)], input_range=(0, 1), classes=["a", "b"])
    model.set_weights(0, [[-2, 2, 0, 0, 0]], [1, -1, 3, 0, 0])
    assert np.argmax(model.predict_proba([0])) == 2
    model.save("spare.tp")
    Path("t.csv").write_text("1,b\n1,b\n0,a\n")
    text = said("evaluate", "spare.tp", "t.csv")
    right = "3 of 3 samples are right, 100.0%, and 66.7% if it always said b."
    assert right in text and "│ 4 " in text and "not tested" not in text


def test_the_same_seed_makes_the_same_model(said):
    write_iris()
    for name, seed in ("one.tp", 1), ("two.tp", 1), ("other.tp", 2):
        said("train", "iris.csv", "-o", name, "--seed", seed, "--epochs", 2, "--hidden", "8,4")
    one, two, other = (Path(f"{name}.tp").read_bytes() for name in ("one", "two", "other"))
    assert one == two != other
    assert "Dense(8, activation='relu') -> Dense(4, activation='relu')" in repr(tp.load("one.tp"))


@pytest.mark.parametrize("hidden", ["0", ""])
def test_no_hidden_layer(said, hidden):
    write_iris()
    said("train", "iris.csv", "--epochs", 1, "--hidden", hidden)
    assert repr(tp.load("model.tp")).startswith("Model(4 -> Dense(3); 15 parameters")
    assert "0 is none" in " ".join(said("train", "--help").split())


def test_what_is_held_out_is_a_fifth_of_each_class():
    y = np.array([0] * 50 + [1] * 9 + [2] * 4)
    kept, test = train.split(y, ["a", "b", "c"], np.random.default_rng(1))
    assert sorted([*kept, *test]) == list(range(63))
    assert list(np.bincount(y[test], minlength=3)) == [10, 1, 1]


def test_of_a_class_of_two_samples_one_is_held_out():
    y = np.array([0] * 2 + [1] * 2 + [2])
    names, random = ["a", "b", "c"], np.random.default_rng(1)
    kept, test = train.split(y, names, random)
    assert sorted([*kept, *test]) == list(range(5))
    assert list(np.bincount(y[test], minlength=3)) == [1, 1, 0]
    assert len(train.split(y[:4], names[:2], random)[1]) == 0  # too few of all
    assert len(train.split(y.astype(np.float32), None, random)[1]) == 1


def test_a_rare_class_beside_always_the_same_answer(said):
    """And a class of which no sample is left for the test."""
    rows = [f"{i % 7},dry" for i in range(100)] + ["50,wet"] * 5 + ["99,flood"]
    Path("t.csv").write_text("\n".join(["mm,is", *rows]))
    text = said("train", "t.csv", "--epochs", 1)
    assert re.search(
        r"of 21 samples are right, [\d.]+%, and 95.2% if it always said dry\.\n", text
    )
    assert "Without a sample, so not tested: flood.\n" in text
    text = said("evaluate", "model.tp", "t.csv")
    assert "%, and 94.3% if it always said dry.\n" in text and "not tested" not in text


def test_a_test_of_one_class_claims_no_share(said):
    rows = [f"{i},{i}" for i in range(30)] + ["0,0"] * 20
    Path("t.csv").write_text("\n".join(rows))
    text = said("train", "t.csv", "--epochs", 1, "--kind", "classes")
    names = ", ".join(map(str, range(1, 21)))
    assert re.search(r"of 4 samples are right, and only 0 was tested\.\n", text)
    assert f"Without a sample, so not tested: {names}, .. 29 in all.\n" in text
    assert "in 30 classes: 0 (21), 1 (1), 2 (1)," in text and " 19 (1), .. 30 in all\n" in text


def test_a_few_samples_are_all_learned(said):
    write_iris(order=slice(48, 52))
    text = said("train", "iris.csv")
    assert "too few to hold out" in text and "of 4 samples are right" in text


def test_numbers_are_learned_as_such(said):
    data = load_diabetes(scaled=False)
    np.savez("diabetes.npz", x=data.data, y=data.target)
    text = said("train", "diabetes.npz")
    assert "numbers to learn, 25 to 346" in text
    off, alone = re.search(r"mean square ([\d.]+), and ([\d.]+) if it always", text).groups()
    assert float(off) < 0.8 * float(alone)
    text = said("evaluate", "model.tp", "diabetes.npz")
    model = tp.load("model.tp")
    errors = [model.predict(x) - y for x, y in zip(data.data, data.target, strict=True)]
    assert f"off by {np.abs(errors).mean():.4g} in the mean" in text
    assert f"root mean square {np.sqrt(np.mean(np.square(errors))):.4g}" in text


def test_numbers_that_are_rare_and_far(said):
    random = np.random.default_rng(1)
    x = np.column_stack([random.random(1000), np.arange(1000) % 50 == 0])
    np.savez("alarm.npz", x=x, y=x @ [1, 20])
    assert "they were cut: give output_range, if they are right." in said("train", "alarm.npz")
    assert "cut" not in said("train", "alarm.npz", "--output-range", 0, 21)
    model = tp.load("model.tp")
    assert model.output_range == (0, 21)
    assert abs(model.predict([0.5, 1]) - 20.5) < 1 and abs(model.predict([0.5, 0]) - 0.5) < 1
    text = said("train", "alarm.npz", "--output-range", 21, 0, code=1)
    assert "There is no such model: output_range is (21.0, 0.0), expected " in text
    text = said("train", "alarm.npz", "--output-range", 0, 21, "--kind", "classes", code=1)
    assert text == (
        "error: --output-range is for numbers to learn, and labels in alarm.npz are classes.\n"
    )


def test_several_numbers_a_sample(said):
    x = np.random.default_rng(1).random((60, 2))
    np.savez("two.npz", x=x, y=np.column_stack([x.sum(1), x[:, 0]]))
    assert "Output 1: 12 samples: off by" in said("train", "two.npz")
    np.savez("one.npz", x=x, y=x[:, 0])
    assert "1 labels a sample, expected 2." in said("evaluate", "model.tp", "one.npz", code=1)
    text = said("train", "two.npz", "--kind", "classes", code=1)
    assert "two.npz has several labels a sample: they can only be numbers." in text


def test_labels_are_taken_for_the_other_kind_if_that_is_said(said):
    rows = "".join(f"{i % 7},{i % 3},{i % 5}\n" for i in range(60))
    Path("whole.csv").write_text(rows)
    assert "in 5 classes: 0 (12), 1 (12), " in said("train", "whole.csv", "--epochs", 1)
    text = said("train", "whole.csv", "--epochs", 1, "--kind", "numbers")
    assert "numbers to learn, 0 to 4" in text
    assert samples.are_classes(np.arange(20.0)) and not samples.are_classes(np.arange(21.0))
    Path("many.csv").write_text("".join(f"{i},{i % 30}\n" for i in range(60)))
    assert "in 30 classes" in said("train", "many.csv", "--epochs", 1, "--kind", "classes")


def test_what_is_wrong_with_a_model_is_told(said):
    Path("still.csv").write_text("".join(f"1,1,{'ab'[i % 2]}\n" for i in range(100)))
    text = said("train", "still.csv")
    sentences = tp.load("model.tp").check()
    assert sentences and all(sentence in text for sentence in sentences)


def printed(table):
    """The cells of each row."""
    console = screen.new_console()
    with console.capture() as text:
        console.print(table)
    rows = [line.strip("│").split("│") for line in text.get().splitlines() if "│" in line]
    return [[cell.strip() for cell in row] for row in rows]


def test_what_is_taken_for_what():
    table = screen.confusions(["[a]", "b", "c"], [0, 0, 0, 1], [0, 1, 1, 1])
    assert printed(table) == [
        ["[a]", "1", "2", "", "33%"],
        ["b", "", "1", "", "100%"],
        ["c", "", "", "", ""],
    ]


def test_of_many_classes_the_commonest_mistakes():
    names = [f"class {i}" for i in range(17)]
    y = [3] * 4 + list(range(17))
    found = [5] * 3 + [3] + [*range(16), 0]
    table = screen.confusions(names, y, found)
    assert printed(table) == [["class 3", "class 5", "3"], ["class 16", "class 0", "1"]]


def test_a_picture(said):
    write_iris()
    said("train", "iris.csv", "--epochs", 2, "--picture", "iris.png")
    assert Path("iris.png").read_bytes().startswith(b"\x89PNG")
    np.savez("numbers.npz", x=np.eye(40), y=np.arange(40) / 2)
    said("train", "numbers.npz", "--epochs", 2, "--picture", "numbers.png")
    assert Path("numbers.png").read_bytes().startswith(b"\x89PNG")
    text = said("train", "iris.csv", "--epochs", 2, "--picture", "iris.jpg", code=1)
    assert "iris.jpg should end in .png, which is what it will be." in text


def test_a_picture_of_letters_that_its_font_has_not_is_quiet(said, recwarn):
    write_iris(label=lambda name: f"日本 {name}")
    said("train", "iris.csv", "--epochs", 1, "--picture", "iris.png")
    assert not [str(warning.message) for warning in recwarn]


@pytest.mark.parametrize("epochs", [1, 20])
def test_a_curve_rises_even_if_the_network_is_perfect_after_one_pass(said, epochs):
    Path("t.csv").write_text("".join(f"{100 * (i % 2)},{'ab'[i % 2]}\n" for i in range(100)))
    text = said("train", "t.csv", "--epochs", epochs, "--picture", "t.png")
    lines = dict(re.findall(r"^ +([\d.]+) \| (.+)$", text, re.MULTILINE))
    assert list(lines)[:2] == ["1", "0.95"] and list(lines)[-1] == "0.5"
    assert all(line.strip("\u2800") for line in lines.values())
    blue = np.abs(image.imread("t.png")[:, :500, :3] - to_rgb("C0")).sum(2) < 0.1
    rows, columns = blue.nonzero()
    assert np.ptp(rows) > 100 and np.ptp(columns) > 300


def test_a_picture_without_room_leaves_the_model(said):
    write_iris()
    Path("iris.png.new").symlink_to("/dev/full")
    text = said("train", "iris.csv", "--epochs", 1, "--picture", "iris.png", code=1)
    assert "The model is in model.tp." in text
    assert "iris.png could not be written: No space left on device." in text
    assert tp.load("model.tp").stats()["steps"] == 120


TRAIN_IRIS = sys.executable, "-m", "tinyprop_cli", "train", "iris.csv"


def environment_of_command():
    folders = "boards", "micropython_mod", "host_sim/backend", "host_sim"
    path = os.pathsep.join(f"{board.ROOT}/{folder}" for folder in folders)
    return {**os.environ, "PYTHONPATH": path}


def test_a_terminal_shows_how_it_goes():
    write_iris()
    shown, terminal = pty.openpty()
    environment = environment_of_command() | {"TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(TRAIN_IRIS, env=environment, stdout=terminal) as process:
        os.close(terminal)
        text = b""
        try:
            while data := os.read(shown, 4096):
                text += data
        except OSError:  # the end, of a pseudo-terminal
            pass
    assert process.returncode == 0
    assert "learning" in text.decode() and "100%" in text.decode() and "⠤" in text.decode()
    os.close(shown)


# ---- samples in files


def test_a_reader_who_has_read_enough_leaves_a_model():
    write_iris()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(TRAIN_IRIS, env=environment_of_command(), **pipes) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0 and not errors, errors
    assert tp.load("model.tp").stats()["steps"] > 0


def test_names_and_separators_of_a_table(said):
    Path("a.csv").write_text("name;t;p\nup;1;2\n\ndown;3;4.5\n")
    a = samples.read(Path("a.csv"), "name")
    assert a.x.tolist() == [[1, 2], [3, 4.5]] and list(a.y) == ["up", "down"]
    assert a.lines == [2, 4]
    Path("b.tsv").write_bytes("\ufeff1\t2\t3\r\n4\t5\t6\r\n".encode())
    b = samples.read(Path("b.tsv"))
    assert b.x.tolist() == [[1, 2], [4, 5]] and list(b.y) == [3, 6]


def test_cells_in_quotes(said):
    Path("t.csv").write_text(
        'x, "y, z", label\n1, "2", "a, ""b"""\n3,4,"two\nlines"\n5,6,a "b" c\n'
    )
    given = samples.read(Path("t.csv"), "label")
    assert given.x.tolist() == [[1, 2], [3, 4], [5, 6]] and given.lines == [2, 4, 5]
    assert list(given.y) == ['a, "b"', "two\nlines", 'a "b" c']
    assert samples.read(Path("t.csv")).x.shape == (3, 2)


def test_a_long_table_is_not_kept_as_text():
    x = np.random.default_rng(1).integers(0, 256, (1000, 200))
    np.savetxt("long.csv", x, "%d", ",")
    tracemalloc.start()
    given = samples.read(Path("long.csv"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.array_equal(given.x, x[:, :-1]) and np.array_equal(given.y, x[:, -1])
    assert peak < 48 * x.size  # a text of Python is larger than that


@pytest.mark.parametrize(
    "names, rows, why",
    [
        ("0,1,label", "0.1,0.2,a 0.3,0.4,b", "no other line has the label label"),
        ("0,1,2", "0.1,0.2,a 0.3,0.4,b", "no other line has the label 2"),
        ("2019,2020,kind", "1,2,a 3,4,a 5,6,b 7,8,b", "no other line has the label kind"),
        ("0,1,label", "0.1,0.2,0 0.3,0.4,1", "no other line has the label label"),
        ("0,1,2", "0.1,0.2,2 0.3,0.4,1", "it counts up from 0"),
        ("0,1,2", "0.1,0.2,2.5 0.3,0.4,1.5", "it counts up from 0"),
        ("400,410,430", "1,2,0 3,4,1 5,6,0 7,8,1", "no other line has the label 430"),
    ],
)
def test_names_that_are_numbers_are_no_sample(said, names, rows, why):
    rows = rows.replace(" ", "\n")
    Path("t.csv").write_text(f"{names}\n{rows}\n")
    text = said("train", "t.csv", code=1)
    assert text.startswith(f"error: t.csv, line 1, may be names of columns, as {why}. Are they na")
    for first in "x,y,label", f"x,y,label\n{names}":  # as the error says
        Path("t.csv").write_text(f"{first}\n{rows}\n")
        read = samples.read(Path("t.csv"))
        assert len(read) == len(rows.split()) + ("\n" in first)


@pytest.mark.parametrize(
    "text",
    [
        "0,1,a\n2,3,b\n4,5,a\n",
        "0,1,0\n1,2,1\n",
        "1,2,3\n2,3,4\n",
        "1,2,3\n2,3,4\n5,6,4\n5,6,5\n",
        "0.0,1,2\n3,4,5\n",
        "0,1,a\n",
    ],
)
def test_a_first_line_that_cannot_be_names_is_a_sample(text):
    Path("t.csv").write_text(text)
    assert len(samples.read(Path("t.csv"))) == text.count("\n")


def test_what_is_near_to_a_mistake_is_none(said):
    """Names with commas; a column that counts, by name; numbers that are large, and far enough
    apart for float32; labels that name classes."""
    for text in (
        'a;b;y\n1;2;"a,b"\n3;4;1,5\n',
        "n,a,y\n0,7,u\n1,8,v\n",
        "1,2,u;v\n3,4,u;v\n",
        "0,7,u\n1,8,u\n",
        ",a,y\n5,7,u\n1,8,v\n",
        "a,b,y\n1,2,u\n3,4,v\n",
        "t,y\n1767225600000,1e9\n1777225600000,1000000001.5\n",
        "t,y\n16777216,1\n16777218,2\n",
    ):
        Path("t.csv").write_text(text)
        given = samples.read(Path("t.csv"))
        assert len(given) == 2 and not given.blurred, text
    said("train", "t.csv")
    Path("t.csv").write_text("t,y\n1,1000000000\n2,1000000001\n")
    said("train", "t.csv")


WRONG_TABLES = {
    "": "t.csv is empty.",
    "\n \n": "t.csv is empty.",
    "t,label\n": "t.csv has no sample.",
    "1\n2\n": "t.csv has a label in each line, and no value beside it.",
    "0,x,label\n1,2,a\n": "t.csv, line 1, column 2: x should be a number. Remove the line",
    "1,2,a\n1,b\n": "t.csv, line 2, has 2 cells, expected 3 as in line 1.",
    "t,p,y\n1,2,a\n1,warm,b\n": "t.csv, line 3, column p: warm should be a number.",
    "1,2,a\n1,2_3,b\n": "t.csv, line 2, column 2: 2_3 should be a number.",
    "1,2,a\n1,,b\n": "t.csv, line 2, column 2: an empty cell should be a number.",
    "1;2,5;a\n": "t.csv, line 1, column 2: 2,5 should have a point in place of its comma.",
    "0,3;a\n0,5;b\n": "t.csv, line 1, column 1: 0,3 should have a point in place of its comma.",
    "1,5;2,5;a\n": "t.csv, line 1, column 1: 1,5 should have a point in place of its comma.",
    "1,5;2,5;3,5\n": "t.csv, line 1, column 1: 1,5 should have a point in place of its comma.",
    "x,mm;y\n1,5;a\n": "t.csv, line 2, column x,mm: 1,5 should have a point in place of its comma",
    "a|b|y\n1|2|u\n": "t.csv has a label in each line, and no value beside it. Cells of a table"
    " are separated by commas, semicolons or tabs, in its first line too.",
    "a b y\n1 2 u\n": "t.csv has a label in each line, and no value beside it. Cells",
    "a;b;y\n1;2;3\n3;4;-0,25\n": "t.csv, line 3, the label: -0,25 should have a point in place",
    "a,b,y,\n1,2,u,\n1,3,v,\n": "The last column of t.csv is empty: remove the separator at the",
    "1,2,u,\n1,3,v,\n": "The last column of t.csv is empty: remove the separator at the end of",
    ",a,y\n0,7,u\n1,8,v\n": "The first column of t.csv has no name and counts the samples from 0,"
    " as the index of pandas does: write the table with to_csv(.., index=False), or name",
    "0,7,u\n1,8,u\n2,9,v\n": "The first column of t.csv has no name and counts the samples from 0,"
    " as the index of pandas does: write the table with to_csv(.., index=False), or name",
    "t,y\n1767225600000,u\n1767225600010,v\n": "t.csv: column t differs by too little for its"
    " size: float32, of 24 bits, does not hold the values apart. Subtract a constant",
    "t,y\n1,1e9\n2,1000000001.5\n": "t.csv: the label differs by too little for its size: float32",
    "1,nan,a\n": "t.csv, line 1, column 2: nan is no value that a network takes.",
    "1,1e39,a\n": "t.csv, line 1, column 2: 1e39 is no value that a network takes.",
    "1,2,a\n1,2,\n": "t.csv, line 2, has no label, but an empty cell: remove the line.",
    "1,2\n1,nan\n": "t.csv, line 2, has no label, but nan: remove the line.",
    "t,y\n"
    + "".join(f"{i},{i / 4}\n" for i in range(19))
    + "7,n/a\n": "t.csv, line 21, the label: n/a should be a number.",
    "t,y\n"
    + "".join(f"{i},{i / 4}\n{i},NA\n" for i in range(22))
    + "7,7\n": "t.csv, line 3, the label: NA should be a number.",
    "t,y\n" + "".join(f"{i % 5},id{i}\n" for i in range(21)): "Each of the 21 samples in t.csv"
    " has a label of its own, such as id0: is the last column that of the labels",
    "1,2\n1,-1e40\n": "t.csv, line 2, has no label, but -1e40: remove the line.",
    '1,2\n1,"' + 200000 * "7": "t.csv, line 2, is no line of a table: field larger than field",
    'x,y\n1,a\n2,"b\n3,c\n': "t.csv, line 3, is no line of a table: unexpected end of data.",
    '1,"a\n\n2,b\n3,"c"\n': "t.csv, line 1, is no line of a table: ',' expected after",
    "1,2,a\n3,4,a\n": "All 2 samples in t.csv are of one class, a:",
    "1,0.5\n3,0.5\n": "All labels in t.csv are 0.5: there is nothing to learn.",
    b"1,2,\xff\n": "t.csv is no text in UTF-8: save it as CSV UTF-8.",
}


@pytest.mark.parametrize("text", WRONG_TABLES, ids=lambda text: repr(text)[:30])
def test_what_is_wrong_in_a_table_is_named_by_its_place(said, text):
    Path("t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    words = said("train", "t.csv", code=1)
    assert words.startswith(f"error: {WRONG_TABLES[text]}") and not Path("model.tp").exists()


@pytest.mark.parametrize(
    "text, first, n",
    [
        ('t,y\n1,a\nwarm,b\ncold,b\n"0,3",b\n,a\n', "line 3, column t: warm should be", 3),
        ("t,p,y\n1,nan,a\ninf,x,b\n1,2,c\n", "line 2, column p: nan is no value", 2),
        ("1,2,a\n1,b\n1,2,3,b\n1,2,b\n", "line 2, has 2 cells, expected 3 as in line 1.", 2),
        ("1,2\n1,nan\n1,\n1,2\n", "line 2, has no label, but nan: remove the line.", 2),
        (
            "t,y\n" + "".join(f"{i},{i / 4}\n" for i in range(50)) + "7,n/a\n8,?\n",
            "line 52, the label: n/a should be a number.",
            2,
        ),
    ],
)
def test_how_many_lines_are_wrong_in_the_same_way_is_told(said, text, first, n):
    Path("t.csv").write_text(text)
    words = said("train", "t.csv", code=1)
    assert words.startswith(f"error: t.csv, {first}")
    assert words.endswith(f". There are {n} such lines.\n")


def test_a_column_that_is_there_twice(said):
    Path("t.csv").write_text("kind,b,kind\na,1,2\nb,2,3\n")
    words = said("train", "t.csv", "--label", "kind", code=1)
    assert words.startswith("error: t.csv has the column kind twice: give one of them another")


def test_names_among_numbers_are_classes_where_they_are_more_than_one_in_ten(said):
    """And numbers of few classes are names, too, with a name among many of them."""
    for labels in ([f"{i / 4}" for i in range(8)] + ["off"], ["1", "2"] * 20 + ["off"]):
        Path("t.csv").write_text("t,y\n" + "".join(f"{i % 7},{y}\n" for i, y in enumerate(labels)))
        assert f"in {len(set(labels))} classes" in said("train", "t.csv")
    words = said("train", "t.csv", "--kind", "numbers", code=1)
    assert words.startswith("error: Labels in t.csv are names, which can only be classes: Line 42")


def test_one_number_that_was_held_out_tells_nothing(said):
    Path("t.csv").write_text("t,y\n" + "".join(f"{i},{i / 4}\n" for i in range(5)))
    text = said("train", "t.csv")
    assert "1 sample, off by " in text and "always said the mean" not in text


def test_what_is_wrong_with_arrays(said):
    x, y = np.eye(4), np.arange(4)
    for arrays, words in (
        ({"a": x}, "t.npz has no array x, expected x and y; it has a."),
        ({"x": x}, "t.npz has no array y"),
        ({"x": x, "y": y[:3]}, "y in t.npz is of shape (3,), and there are 4 samples."),
        ({"x": y, "y": y}, "x in t.npz is of shape (4,) and dtype int64, expected numbers"),
        ({"x": x.astype(str), "y": y}, "x in t.npz is of shape (4, 4) and dtype <U32"),
        (
            {"x": x + [0, 0, 0, np.inf], "y": y},
            "x in t.npz: sample 0 holds inf: remove the sample.",
        ),
        (
            {"x": np.float16(x) + np.float16([0, 0, 0, np.inf]), "y": y},
            "x in t.npz: sample 0 holds inf: remove the sample.",
        ),
        ({"x": x, "y": y * np.nan}, "y in t.npz: sample 0 holds nan: remove the sample."),
        (
            {"x": x * 1e39, "y": y},
            "x in t.npz: sample 0 holds 1e+39: float32 ends at 3.4e+38: scale",
        ),
        ({"x": x[:0], "y": y[:0]}, "t.npz has no sample."),
        ({"x": np.array([None] * 4), "y": y}, "t.npz has an array of Python objects"),
        ({"x": x, "y": np.array(["a"] * 4, object)}, "save names as y.astype(str), numbers as"),
        (
            {"x": x, "y": np.array(["a"] * 4, "S")},
            "y in t.npz is of dtype |S1, expected numbers, or",
        ),
        ({"x": x, "y": y + 1j}, "y in t.npz is of dtype complex128, expected numbers, or names"),
        (
            {"x": x, "y": y.astype("M8[s]")},
            "y in t.npz is of dtype datetime64[s], expected numbers",
        ),
        (
            {"x": x, "y": np.zeros((4, 0))},
            "y in t.npz is of shape (4, 0), expected a label or more for each of 4 samples: save",
        ),
        ({"x": x * 3 + 1e9, "y": y}, "t.npz: value 0 of x, counted from 0, differs by too little"),
        ({"x": x, "y": 1e9 + y / 9}, "t.npz: the label differs by too little for its size"),
    ):
        np.savez("t.npz", **arrays)
        assert words in said("train", "t.npz", code=1)
    np.savez("t.npz", x=x, y=np.zeros((4, 0)))
    assert "of shape (4, 0)" in said("train", "t.npz", "--kind", "numbers", code=1)


def test_arrays_that_are_damaged(said):
    np.savez_compressed("whole.npz", x=np.random.default_rng(1).random((50, 3)), y=np.arange(50))
    whole = Path("whole.npz").read_bytes()
    middle = bytes(255 - byte for byte in whole[60:90])
    damaged = {
        "a beginning alone": b"PK",
        "no way to go on": whole[:60] + middle + whole[90:],
        "a later version of zip": whole.replace(b"PK\1\2-\3-", b"PK\1\2-\3\xff"),
        "another compression": whole.replace(b"-\0\0\0\x08", b"-\0\0\0\x0c"),
    }
    for why, data in damaged.items():
        assert data != whole, why
        Path("t.npz").write_bytes(data)
        words = said("train", "t.npz", code=1)
        assert words.startswith("error: t.npz is damaged, or holds no arrays of numpy: "), why


def test_files_that_are_not_there(said):
    write_iris()
    assert "There is no file no.csv." in said("train", "no.csv", code=1)
    assert "net.h5 should be a table, .csv, or" in said("train", "net.h5", code=1)
    assert "iris.csv has no column colour; it has sepal length, " in said(
        "train", "iris.csv", "--label", "colour", code=1
    )
    assert "There is no folder no for a.tp." in said("train", "iris.csv", "-o", "no/a.tp", code=1)
    before = Path("iris.csv").read_text()
    words = "iris.csv is there already, and no model: say another name"
    assert words in said("train", "iris.csv", "-o", "iris.csv", code=1)
    assert ". is a folder." in said("train", "iris.csv", "-o", ".", code=1)
    assert "iris.csv should end in .png" in said(
        "train", "iris.csv", "--picture", "iris.csv", code=1
    )
    assert Path("iris.csv").read_text() == before
    assert "There is no file no.tp." in said("evaluate", "no.tp", "iris.csv", code=1)
    assert "cannot load iris.csv: " in said("evaluate", "iris.csv", "iris.csv", code=1)
    text = said("train", "iris.csv", "--hidden", "32,x", code=2)
    assert "32,x should be numbers of units" in text
    text = " ".join(said("train", "iris.csv", "--hidden", "32,0", code=2).split())
    assert "32,0 should be numbers of units" in text
    assert "is not in the range" in said("train", "iris.csv", "--epochs", 0, code=2)
    text = said("train", "iris.csv", "--hidden", "60000,60000", code=1)
    assert "error: There is no such model: " in text


def test_places_that_cannot_be_written(said, locked):
    write_iris()
    for name, words in (
        ("m" * 253 + ".tp", "cannot be written: File name too long."),
        ("m" * 252 + ".tp", "cannot be written: File name too long."),  # .new is longer still
        ("iris.csv/m.tp", "There is no folder iris.csv for m.tp."),
    ):
        text = said("train", "iris.csv", "--epochs", 1, "-o", name, code=1)
        assert text.startswith("error: ") and words in text, name
    Path("folder").mkdir()
    for check in files.check_folder, files.check_model_place:
        with locked("folder"), pytest.raises(Problem, match="m.tp cannot .*: Permission denied"):
            check(Path("folder/m.tp"))


def test_what_cannot_be_replaced_is_told(locked):
    with pytest.raises(Problem, match="could not be written: File name too long"):
        files.replace(Path("m" * 255), b"")
    Path("folder").mkdir()
    with locked("folder"), pytest.raises(Problem, match="could not .*: Permission denied"):
        files.replace(Path("folder/m.tp"), b"")


def test_a_model_under_the_longest_name(said):
    name = "m" * 252 + ".tp"
    tp.Model(1, [tp.Dense(2)]).save("m.tp")
    Path("m.tp").rename(name)
    assert "It has seen 0 samples" in said("info", name)


def test_a_disk_that_is_full(said):
    write_iris()
    Path("model.tp.new").symlink_to("/dev/full")
    words = "model.tp could not be written: No space left on device."
    assert words in said("train", "iris.csv", "--epochs", 1, code=1)
    assert not Path("model.tp").exists()


def test_samples_that_are_not_for_this_model(said):
    write_iris()
    tp.Model(3, [tp.Dense(2)], input_range=(0, 1)).save("three.tp")
    text = said("evaluate", "three.tp", "iris.csv", code=1)
    assert "iris.csv has 4 values a sample beside the label, and the model takes 3." in text
    tp.Model(4, [tp.Dense(2)], input_range=(0, 1)).save("two.tp")
    text = said("evaluate", "two.tp", "iris.csv", code=1)
    assert "setosa, versicolor, virginica, and the classes of the model are 0, 1." in text
    tp.Model(4, [tp.Dense(3)]).save("new.tp")
    text = said("evaluate", "new.tp", "iris.csv", code=1)
    assert "The model has learned from nothing yet, so it knows nothing." in text
    tp.Model(4, [tp.Dense(1)], loss="mse", input_range=(0, 1), output_range=(0, 1)).save("n.tp")
    text = said("evaluate", "n.tp", "iris.csv", code=1)
    assert "The labels in iris.csv are names, and the model gives numbers." in text


def test_maps_that_lie_otherwise_are_no_samples_for_this_model(said):
    x, y = np.random.default_rng(1).random((9, 8, 4, 2)), np.arange(9) % 3
    tp.Model((8, 4, 2), [tp.Conv2D(2, 3), tp.Dense(3)], input_range=(0, 1)).save("maps.tp")
    tp.Model(64, [tp.Dense(3)], input_range=(0, 1)).save("rows.tp")
    for turned in x.transpose(0, 3, 1, 2), x.reshape(9, 32, 2):
        np.savez("turned.npz", x=turned, y=y)
        shape = " x ".join(map(str, turned.shape[1:]))
        words = f"x in turned.npz is of shape {shape} a sample, and the model takes 8 x 4 x 2."
        assert words in said("evaluate", "maps.tp", "turned.npz", code=1)
        assert words in said("compare", "maps.tp", "turned.npz", "COM1", code=1)
        hint = f"{words} x.transpose(0, 2, 3, 1) turns it."
        assert (hint in said("evaluate", "maps.tp", "turned.npz", code=1)) == (turned.ndim == 4)
        said("evaluate", "rows.tp", "turned.npz")
    for same in x, x.reshape(9, 64), x[:, None]:
        np.savez("same.npz", x=same, y=y)
        assert "of 9 samples are right" in said("evaluate", "maps.tp", "same.npz")


# ---- import


@pytest.fixture
def digits():
    data = load_digits()
    np.savez("digits.npz", x=data.data[:300].reshape(-1, 1, 8, 8) / 16, y=data.target[:300])
    return np.float32(data.data / 16), data.target


def test_a_network_of_pytorch_comes_in(said, digits):
    x, y = digits
    text = said("import", GOLDEN / "torch_script.onnx", "--samples", "digits.npz", "-o", "net.tp")
    assert "300 samples: the same answer for " in text
    assert re.search(r"accuracy: float 9\d\.\d+%, integer 9\d", text)
    assert boards.where_it_fits(tp.load("net.tp")) in text and "made up" not in text
    assert tp.load("net.tp").evaluate(x[1200:], y[1200:]) > 0.9


def write_net(nodes, shape, **weights):
    """net.onnx, of nodes from x of this shape to y."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, len(weights["b"])])],
        [numpy_helper.from_array(np.float32(v), name) for name, v in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), "net.onnx")


def test_a_network_that_gives_numbers(said):
    write_net([helper.make_node("Gemm", ["x", "w", "b"], ["y"])], [None, 2], w=[[1], [2]], b=[3])
    x = np.random.default_rng(1).random((50, 2))
    np.savez("sum.npz", x=x, y=x @ [1, 2] + 3)
    assert "root mean square error: float " in said("import", "net.onnx", "--samples", "sum.npz")
    assert abs(tp.load("model.tp").predict([0.5, 0.25]) - 4) < 0.02
    np.savez("sum.npz", x=x, y=["a"] * 50)
    text = said("import", "net.onnx", "--samples", "sum.npz", code=1)
    assert "The labels in sum.npz are names, and the model gives numbers." in text


def test_several_outputs_that_are_numbers(said):
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"])
    w, b = [[1, 2, 0], [0, 1, 3]], [0, 1, 2]
    write_net([node], [None, 2], w=w, b=b)
    x = np.random.default_rng(1).random((50, 2))
    np.savez("three.npz", x=x, y=x @ w + b)
    given = "import", "net.onnx", "--samples", "three.npz"
    assert "has several labels a sample, and the model tells classes" in said(*given, code=1)
    said(*given, "--kind", "numbers")
    assert np.allclose(tp.load("model.tp").predict([0.5, 0.25]), [0.5, 2.25, 2.75], atol=0.03)


def test_labels_may_be_numbers_of_outputs_that_have_names(said):
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"])]
    write_net(nodes, [None, 1], w=[[-9, 9]], b=[4.5, -4.5])
    Path("t.csv").write_text("0,0\n0.1,0\n1,1\n0.9,1\n")
    text = said("import", "net.onnx", "--samples", "t.csv", "--classes", "zeta,alpha")
    assert "accuracy: float 100.00%" in text and tp.load("model.tp").predict([0]) == "zeta"
    Path("t.csv").write_text("0.2,1\n0.1,1\n1,0\n0.9,0\n")  # of names that are numbers
    text = said("import", "net.onnx", "--samples", "t.csv", "--classes", "1,0")
    assert "accuracy: float 100.00%" in text and tp.load("model.tp").predict([0]) == "1"
    Path("t.csv").write_text("x,y\n0,up\n0.1,down\n1,left\n")
    text = said("import", "net.onnx", "--samples", "t.csv", code=1)
    assert "and the network 2 outputs: say the names of all of them, in their order, by" in text


def test_outputs_get_the_names_of_labels(said, digits):
    x, y = digits
    names = ["zero", *"123456789"]
    np.savez("names.npz", x=x[:300], y=np.array([f"{i}: {names[i]}" for i in y[:300]]))
    text = said("import", GOLDEN / "keras.onnx", "--samples", "names.npz")
    assert re.search(r"accuracy: float 9\d\.\d+%, integer 9\d", text)
    assert tp.load("model.tp").classes == [f"{i}: {name}" for i, name in enumerate(names)]


def test_outputs_in_an_order_that_is_said(said):
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"])]
    write_net(nodes, [None, 1], w=[[-9, 9]], b=[4.5, -4.5])
    Path("t.csv").write_text("0,zeta\n0.1,zeta\n1,alpha\n0.9,alpha\n")
    text = said("import", "net.onnx", "--samples", "t.csv")
    assert "accuracy: float 0.00%" in text
    assert "outputs may be in another order than alpha, zeta. Say theirs: --classes NAME" in text
    text = said("import", "net.onnx", "--samples", "t.csv", "--classes", "zeta, alpha")
    assert "accuracy: float 100.00%" in text and "guessing" not in text
    assert tp.load("model.tp").predict([0]) == "zeta"
    said("import", "net.onnx", "--classes", "zeta,alpha")
    assert tp.load("model.tp").classes == ["zeta", "alpha"]
    text = said("import", "net.onnx", "--classes", "a,b,c", code=1)
    assert "--classes has 3 names, and the network 2 outputs." in text
    text = said("import", "net.onnx", "--samples", "t.csv", "--classes", "a,b", code=1)
    assert "t.csv has the labels alpha, zeta, and the classes of the model are a, b." in text
    assert "should be names that differ" in said("import", "net.onnx", "--classes", "a,", code=2)
    write_net(nodes, [None, 1], w=[[1]], b=[0])
    text = said("import", "net.onnx", "--classes", "a", code=1)
    assert "net.onnx gives numbers, and --classes are of a network that tells classes." in text


def test_rows_in_an_order_that_is_not_known(said):
    random = np.random.default_rng(1)
    write_net(
        [
            helper.make_node("Conv", ["x", "k", "c"], ["m"], kernel_shape=[3, 3]),
            helper.make_node("Flatten", ["m"], ["f"]),
            helper.make_node("Gemm", ["f", "w", "b"], ["y"]),
        ],
        [None, 2, 6, 5],
        k=random.normal(0, 1, (3, 2, 3, 3)),
        c=[0] * 3,
        w=random.normal(0, 1, (36, 3)),
        b=[0] * 3,
    )
    x, y = random.random((40, 2, 6, 5)), np.arange(40) % 3
    np.savez("rows.npz", x=x.reshape(40, 60), y=y)
    text = said("import", "net.onnx", "--samples", "rows.npz", code=1)
    assert "error: rows.npz has rows of 60 values, in an order that is not known: the net" in text
    assert "Give it a .npz with x of shape (samples, 2, 6, 5)." in text
    np.savez("turned.npz", x=x.transpose(0, 2, 3, 1), y=y)
    text = said("import", "net.onnx", "--samples", "turned.npz", code=1)
    assert "the network takes 2 x 6 x 5. x.transpose(0, 3, 1, 2) turns it." in text
    np.savez("maps.npz", x=x, y=y)
    assert "40 samples: the same" in said("import", "net.onnx", "--samples", "maps.npz")
    assert "of 40 samples are right" in said("evaluate", "model.tp", "turned.npz")


def test_a_network_without_samples(said, digits):
    x, y = digits
    text = said("import", GOLDEN / "keras.onnx")
    assert "These samples were made up, of numbers from 0 to 1" in text
    assert tp.load("model.tp").evaluate(x[1200:], y[1200:]) > 0.9  # its pixels are 0 to 1


def test_what_cannot_be_imported(said, digits):
    write_iris()
    keras = GOLDEN / "keras.onnx"
    assert "There is no file no.onnx." in said("import", "no.onnx", code=1)
    assert "iris.csv is damaged, or no ONNX model: export it again" in said(
        "import", "iris.csv", code=1
    )
    text = said("import", keras, "--samples", "iris.csv", code=1)
    assert "x in iris.csv is of shape 4 a sample, and the network takes 8 x 8 x 1." in text
    np.savez("turned.npz", x=np.zeros((5, 4, 16)), y=[0] * 5)
    text = said("import", keras, "--samples", "turned.npz", code=1)
    assert "x in turned.npz is of shape 4 x 16 a sample, and the network takes 8" in text
    cut = keras.read_bytes()[:-100]
    Path("cut.onnx").write_bytes(cut)
    assert "cut.onnx " in said("import", "cut.onnx", code=1)
    x, y = digits
    np.savez("others.npz", x=x[y > 0], y=y[y > 0] + 3)
    text = said("import", keras, "--samples", "others.npz", code=1)
    assert "others.npz has the labels 10, 11, 12, and the classes of the model are 0, 1" in text
    np.savez("names.npz", x=x[:4], y=["a", "b", "c", "a"])
    text = said("import", keras, "--samples", "names.npz", code=1)
    assert "names.npz has the labels a, b, c, and the network 10 outputs: say " in text
    assert not Path("model.tp").exists()


# ---- which boards


def test_native_code_takes_no_heap_where_its_memory_is_apart():
    """On an ESP32, whose processor executes no code from the heap; on an ESP32-C3 it does."""
    apart, within = (boards.facts(f"ESP32_GENERIC{chip}") for chip in ("", "_C3"))
    assert apart["HEAP"] == within["HEAP"]
    assert 25_000 < boards.room(apart) - boards.room(within) < 35_000 < boards.room(apart)


def test_what_fits_where(monkeypatch):
    model = tp.Model(4, [tp.Dense(2)])
    ram = len(model._image)
    rooms = {name: 10**6 for name in boards.names()}
    monkeypatch.setattr(boards, "facts", lambda name: name)
    monkeypatch.setattr(boards, "room", rooms.get)
    assert boards.where_it_fits(model) == (
        f"It takes {ram} bytes of RAM, and fits each board: {', '.join(sorted(rooms))}."
    )
    rooms["RPI_PICO"] = ram - 1
    text = boards.where_it_fits(model)
    assert text.endswith(". It does not fit RPI_PICO (has 0 kB).") and "RPI_PICO2, " in text
    rooms["RPI_PICO"] = ram
    assert "not" not in boards.where_it_fits(model)
    rooms.update(dict.fromkeys(rooms, 1))
    assert "and fits no board" in boards.where_it_fits(model)
