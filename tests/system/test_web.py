"""The library for JavaScript, in node and in a browser: what it learns and says is what
tinyprop.py learns and says."""

import base64
import io
import json
import re
import runpy
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path
from random import Random

import digests
import pytest
import test_digest
import tinyprop as tp
import tinyprop_check
import tinyprop_state
import tinyprop_words
from tinyprop_cli import serve
from tinyprop_cli.board import Problem

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests/web"
LIBRARY = ROOT / "host_sim/web"
AFTER_1000 = {" ".join(key): digest for key, digest in digests.AFTER_1000.items()}
# What sentences say in Python, and in JavaScript.
SPELLINGS = {
    "(lo, hi)": "[lo, hi]",
    "None": "null",
    "input_range": "inputRange",
    "output_range": "outputRange",
    "trainable=False": "trainable: false",
    "if it was saved with replay=True": "of save(true)",
    "replay=": "replay",
}


pytestmark = pytest.mark.usefixtures("web")


def node(*command, **options):
    done = subprocess.run(["node", *command], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_library():
    print(node("--test", "tests/web/", cwd=ROOT))


def in_node(name, cases=None):
    return json.loads(node(TESTS / "run.mjs", name, input=json.dumps(cases)))


@pytest.fixture(scope="module")
def page(browser, address):
    page = browser.new_page(service_workers="block")
    ours = re.compile("/(digests|says|worker).js$")
    page.route(ours, lambda route: route.fulfill(path=TESTS / Path(route.request.url).name))
    page.goto(address)
    yield page
    page.close()


@pytest.fixture
def in_chromium(page):
    def ask(name, cases=None):
        return page.evaluate(
            """async ([name, cases]) => {
                const tp = await import("./tinyprop/tinyprop.js");
                const { digests } = await import("./digests.js");
                const says = await import("./says.js");
                return cases ? cases.map((one) => says[name](tp, one)) : digests(tp);
            }""",
            [name, cases],
        )

    return ask


@pytest.fixture(params=["node", "chromium"])
def ask(request):
    """ask("digests"), ask("windows", cases): what functions of tests/web say there."""
    return in_node if request.param == "node" else request.getfixturevalue("in_chromium")


def test_digests(ask):
    assert ask("digests") == AFTER_1000


def test_digests_in_a_worker(page):
    said = page.evaluate(
        """() => new Promise((resolve, reject) => {
            const worker = new Worker("worker.js", { type: "module" });
            worker.onmessage = ({ data }) => resolve(data);
            worker.onerror = () => reject(new Error("the worker did not start"));
        })"""
    )
    assert said == AFTER_1000


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


def spelt(sentence):
    for python, javascript in SPELLINGS.items():
        sentence = sentence.replace(python, javascript)
    return sentence


def attempt(action, *arguments):
    try:
        return action(*arguments)
    except ValueError as error:
        return spelt(str(error))


def change(model, i, factor):
    weights, biases = model.weights(i)
    model.set_weights(i, [w * factor for w in weights], [b * factor for b in biases])


def probes(model):
    n = model._n_in
    return [[k * (7 * i + 3) % 256 for i in range(n)] for k in (0, 1, 5, 60)]


def describe(file, capsys):
    """As says.js does."""
    model = tp.load(io.BytesIO(base64.b64decode(file)))
    numbers = range(model._image[5])
    capsys.readouterr()
    model.summary()
    said = {
        "stats": list(model.stats().values()),
        "check": [spelt(sentence) for sentence in model.check()],
        "summary": capsys.readouterr().out.rstrip("\n"),
        "ranges": [model.input_range, model.output_range],
        "settings": [model.lr, model.loss, model.classes],
        "weights": [attempt(lambda i=i: [*map(list, model.weights(i))]) for i in numbers],
        "knows": [attempt(model.knows, x) for x in probes(model)],
        "again": True,
        "without": file_of(model, False),
    }
    said["changes"] = [attempt(change, model, i, by) for by in (-1.3, 100, 4000) for i in numbers]
    for x in probes(model):
        model.learn(x, [1] * model._n_out if model._mse else 1)
    said["changed"] = file_of(model, True)
    model.reset(5)
    return json.loads(json.dumps({**said, "anew": file_of(model, True)}))


def test_what_it_says_of_models(monkeypatch, capsys, ask):
    """Of all models that the tests of check(), ranges and knows() have, and of those with
    digests."""
    files = Recorded(
        monkeypatch,
        (tinyprop_check, "_check"),
        (tinyprop_state, "_stats"),
        (tinyprop_state, "_get_range"),
        (tinyprop_words, "_class_text"),
        (tinyprop_state, "_knows"),
    )
    for file in "test_check.py", "test_classes.py", "test_ranges.py", "test_answers.py":
        for name, value in runpy.run_path(str(ROOT / "tests/portable" / file)).items():
            if name.startswith("test_") and callable(value):
                value()
    for make in test_digest.MODELS.values():
        model = make(tp.Adaptive())
        files.append(file_of(model, True))
    monkeypatch.undo()
    files = list(dict.fromkeys(files))
    got = ask("describe", files)
    sentences, known, changes = set(), set(), set()
    for file, said in zip(files, got, strict=True):
        expected = describe(file, capsys)
        sentences.update(re.sub(r"[\d.e-]+", "", sentence) for sentence in expected["check"])
        known.update(expected["knows"])
        changes.update(re.sub(r"[\d.e+, -]+", "", str(change)) for change in expected["changes"])
        for name in expected:
            assert said[name] == expected[name], name
    assert len(files) > 100 and len(sentences) >= 15
    assert len(known) == 5 and len(changes) == 3  # yes, no or done, and refusals


def test_windows(ask):
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
    got = ask("windows", cases)
    for (size, hop, axes, scale, readings), windows in zip(cases, got, strict=True):
        window = tp.Window(size, hop, axes, scale)
        assert windows == [
            list(window.features) if window.push(reading) else None for reading in readings
        ]


def test_anomalies(ask, tmp_path):
    random = Random(1)
    cases = []
    for _ in range(20):
        n = random.randint(1, 12)
        hidden = random.choice([None, [2], [5, 2, 5]])
        given = random.choice([None, [-1, 2]])
        settings = {"hidden": hidden, "inputRange": given, "seed": random.randint(1, 9)}
        count = random.choice([63, 64, 100, 300])
        samples = [[random.gauss(i, 1) for i in range(n)] for _ in range(count + 10)]
        if random.random() < 0.5:
            samples = [[7, *sample[1:]] for sample in samples]  # a value that never moves
        if random.random() < 0.5:
            samples[count - 9] = [1e4] * n
        odd = [9e9] * n, [-3] * n, [0] * (n + 1)
        cases.append((n, settings, samples[:count], [*samples[count:], *odd]))
    for (n, settings, samples, unseen), (seen, scores, file) in zip(
        cases, ask("anomalies", cases), strict=True
    ):
        anomaly = tp.Anomaly(n, settings["hidden"], settings["inputRange"], settings["seed"])
        for i, x in enumerate(samples):
            anomaly.learn(x)
            if i == 10:
                anomaly.save(str(tmp_path / "a"))
                anomaly = tp.Anomaly.load(str(tmp_path / "a"))
        assert (seen, scores) == (anomaly.seen, [attempt(anomaly.score, x) for x in unseen])
        anomaly.save(str(tmp_path / "a"))
        assert base64.b64decode(file) == (tmp_path / "a").read_bytes()


# ---- where the page is


def test_the_address_is_always_the_same(web, monkeypatch, capsys):
    with serve.server() as somewhere:
        port = somewhere.server_port
    monkeypatch.setattr(serve, "PORT", port)
    for chosen in None, None, port:
        with serve.find_server(chosen) as server:
            assert serve.address(server) == f"http://127.0.0.1:{port}/"
    assert not capsys.readouterr().out
    with serve.find_server(None), serve.find_server(None) as another:
        assert serve.address(another) != f"http://127.0.0.1:{port}/"
        assert f"Port {port} is taken" in capsys.readouterr().out
        with pytest.raises(Problem, match=f"Port {port} cannot be used: .* Choose another one."):
            serve.find_server(port)


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
    source = (LIBRARY / "model.js").read_text()
    methods = re.findall(r"^  (?:get |set )?([a-z]\w+)\(", source, re.MULTILINE)
    assert of_types == set(methods)


def test_its_files_import_one_way():
    imported = re.compile(r'^(?!//).* from "\./(.+)";$', re.MULTILINE)
    files = {file.name: imported.findall(file.read_text()) for file in LIBRARY.glob("*.js")}
    *_, last = TopologicalSorter(files).static_order()  # CycleError: some import one another
    assert last == "tinyprop.js"


def test_the_package_has_the_version():
    assert json.loads((LIBRARY / "package.json").read_text())["version"] == tp.__version__
