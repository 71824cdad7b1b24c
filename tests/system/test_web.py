"""The library for JavaScript, in node and in a browser: what it learns and says is what
tinyprop.py learns and says."""

import base64
import io
import json
import re
import runpy
import subprocess
from pathlib import Path
from random import Random

import digests
import pytest
import test_digest
import tinyprop as tp
import tinyprop_check
import tinyprop_state
import tinyprop_words

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests/web"
LIBRARY = ROOT / "host_sim/web"
AFTER_1000 = {" ".join(key): digest for key, digest in digests.AFTER_1000.items()}
# What sentences say in Python, and in JavaScript.
SPELLINGS = {
    "None": "null",
    "input_range": "inputRange",
    "output_range": "outputRange",
    "trainable=False": "trainable: false",
    "replay=": "replay",
}


pytestmark = pytest.mark.usefixtures("web")


def node(*command, **options):
    done = subprocess.run(["node", *command], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_library():
    print(node("--test", "tests/web/", cwd=ROOT))


def test_digests_in_node():
    assert json.loads(node(TESTS / "run.mjs", "digests")) == AFTER_1000


def test_digests_in_a_browser(browser, address):
    page = browser.new_page()
    page.route("**/digests.js", lambda route: route.fulfill(path=TESTS / "digests.js"))
    page.goto(address)
    got = page.evaluate(
        """async () => {
            const { digests } = await import("./digests.js");
            return digests(await import("./tinyprop/tinyprop.js"));
        }"""
    )
    page.close()
    assert got == AFTER_1000


# ---- what it says of a model


class Recorded(list):
    """The models that a function of the portable tests asks for, as files."""

    def __init__(self, monkeypatch, *functions):
        for module, name in functions:
            monkeypatch.setattr(module, name, self.recording(getattr(module, name)))

    def recording(self, function):
        def record(model, *arguments):
            self.append(file_of(model, True))
            return function(model, *arguments)

        return record


def file_of(model, replay):
    file = io.BytesIO()
    model.save(file, replay)
    return base64.b64encode(file.getvalue()).decode()


def weights_of(model):
    for i in range(model._image[5]):
        try:
            yield from (list(part) for part in model.weights(i))
        except ValueError as error:
            yield str(error)


def spelt(sentence):
    for python, javascript in SPELLINGS.items():
        sentence = sentence.replace(python, javascript)
    return sentence


def describe(file, capsys):
    model = tp.load(io.BytesIO(base64.b64decode(file)))
    capsys.readouterr()
    model.summary()
    said = {
        "stats": list(model.stats().values()),
        "check": [spelt(sentence) for sentence in model.check()],
        "summary": capsys.readouterr().out.rstrip("\n"),
        "ranges": [model.input_range, model.output_range],
        "settings": [model.lr, model.loss, model.classes],
        "weights": list(weights_of(model)),
        "again": True,
        "without": file_of(model, False),
    }
    model.reset(5)
    return json.loads(json.dumps({**said, "anew": file_of(model, True)}))


def test_what_it_says_of_models(monkeypatch, capsys):
    """Of all models that the tests of check() and of ranges have, and of those with digests."""
    files = Recorded(
        monkeypatch,
        (tinyprop_check, "_check"),
        (tinyprop_state, "_stats"),
        (tinyprop_state, "_get_range"),
        (tinyprop_words, "_class_text"),
    )
    for file in "test_check.py", "test_classes.py", "test_ranges.py":
        for name, value in runpy.run_path(str(ROOT / "tests/portable" / file)).items():
            if name.startswith("test_") and callable(value):
                value()
    for make in test_digest.MODELS.values():
        model = make(tp.Adaptive())
        files.append(file_of(model, True))
    monkeypatch.undo()
    files = list(dict.fromkeys(files))
    got = json.loads(node(TESTS / "run.mjs", "describe", input=json.dumps(files)))
    sentences = set()
    for file, said in zip(files, got, strict=True):
        expected = describe(file, capsys)
        sentences.update(re.sub(r"[\d.e-]+", "", sentence) for sentence in expected["check"])
        for name in expected:
            assert said[name] == expected[name], name
    assert len(files) > 100 and len(sentences) >= 15


def test_windows():
    random = Random(1)
    cases = []
    for _ in range(60):
        size, axes = random.randint(2, 64), random.randint(1, 4)
        scale = random.choice([None, 100.0, 0.37])
        most = random.choice([5, 300, 32767]) / (scale or 1)
        readings = [[random.uniform(-most, most) for _ in range(axes)] for _ in range(3 * size)]
        if scale is None:
            readings = [[int(value) for value in reading] for reading in readings]
        cases.append((size, random.randint(1, size), axes, scale, readings))
    got = json.loads(node(TESTS / "run.mjs", "windows", input=json.dumps(cases)))
    for (size, hop, axes, scale, readings), windows in zip(cases, got, strict=True):
        window = tp.Window(size, hop, axes, scale)
        assert windows == [
            list(window.features) if window.push(reading) else None for reading in readings
        ]


# ---- the package


def test_the_example_of_the_page(web, tmp_path):
    text = (ROOT / "docs/browser.md").read_text()
    (example,) = re.findall(r"^```js\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "tinyprop").symlink_to(web / "tinyprop")
    (tmp_path / "example.mjs").write_text(example)
    said = node("--preserve-symlinks", tmp_path / "example.mjs").split()
    assert said == re.findall(r"console\.log.* // (\S+)$", example, re.MULTILINE)


def test_types_name_all_that_is_exported():
    types = (LIBRARY / "tinyprop.d.ts").read_text()
    declared = set(re.findall(r"^export (?:function|class) (\w+)", types, re.MULTILINE))
    url = (ROOT / "dist/web/tinyprop/tinyprop.js").as_uri()
    code = f"console.log(Object.keys(await import('{url}')).join(' '))"
    assert declared == set(node("--input-type=module", "-e", code).split())
    model = re.search(r"^export class Model \{\n(.*?)^\}", types, re.MULTILINE | re.DOTALL)[1]
    of_types = set(re.findall(r"^  (?:get |set |readonly )?(\w+)[(:]", model, re.MULTILINE))
    source = (LIBRARY / "tinyprop.js").read_text()
    methods = re.findall(r"^  (?:get |set )?([a-z]\w+)\(", source, re.MULTILINE)
    assert of_types == set(methods)


def test_the_package_has_the_version():
    assert json.loads((LIBRARY / "package.json").read_text())["version"] == tp.__version__
