"""The page in a browser, as a person uses it: by strokes on the paper, buttons and keys."""

import csv
import gzip
import io
import math
import os
import re
import subprocess
from pathlib import Path
from random import Random

import pytest
import tinyprop as tp
from tinyprop_cli.evaluate import evaluate
from tinyprop_cli.train import train
from tinyprop_desk.boards import facts, milliseconds, names, room

ROOT = Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("TINYPROP_SEED", "1"))
SHAPES = {
    "circle": [(math.cos(a / 2), math.sin(a / 2)) for a in range(14)],
    "zigzag": [(-1, -1), (1, -0.5), (-1, 0), (1, 0.5), (-1, 1)],
    "triangle": [(0, -1), (1, 0.8), (-1, 0.8), (0, -1)],
}
EACH = 6  # drawings of each shape that are taught
FEW_BYTES = 1_000_000
FEW_BYTES_WITH_A_PICO = 4_000_000


# A stroke by the events that a mouse gives, at once.
STROKE = """(points) => {
    const paper = document.querySelector(".paper");
    const { left, top, width } = paper.getBoundingClientRect();
    const put = (type, [x, y]) => {
        const place = { clientX: left + (width * x) / 280, clientY: top + (width * y) / 280 };
        paper.dispatchEvent(new PointerEvent(type, { pointerId: 1, bubbles: true, ...place }));
    };
    put("pointerdown", points[0]);
    points.slice(1).forEach((point) => put("pointermove", point));
    put("pointerup", points.at(-1));
}"""


class Page:
    """The page, and what a person does there. On leaving, it must not have had an error."""

    def __init__(self, browser, address, **context):
        # Without motion the example does not take its time.
        usual = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
        self.context = browser.new_context(**usual | context)
        self.address, self.errors = address, []

    def __enter__(self):
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self.heard)
        self.go(self.address)
        return self

    def __exit__(self, kind, *_):
        self.context.close()
        assert kind or not self.errors, self.errors

    def heard(self, message):
        ours = message.text != "Service Worker registration blocked by Playwright"
        if message.type in ("error", "warning") and ours:
            self.errors.append(message.text)

    def go(self, address):
        self.page.goto(address)
        self.ready()

    def ready(self):
        self.page.wait_for_selector("html[data-ready]")

    def follow(self, link):
        """As from another page: one that differs behind its # alone is not loaded anew."""
        self.page.goto("about:blank")
        self.go(link)

    def reload(self):
        self.page.reload()
        self.ready()

    def draw(self, points):
        self.page.evaluate(STROKE, points)

    def draw_by_mouse(self, points):
        paper = self.page.locator(".paper")
        paper.scroll_into_view_if_needed()
        box = paper.bounding_box()
        size, mouse = box["width"], self.page.mouse
        places = [(box["x"] + size * x / 280, box["y"] + size * y / 280) for x, y in points]
        mouse.move(*places[0])
        mouse.down()
        for place in places[1:]:
            mouse.move(*place)
        mouse.up()

    def click(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def button_of(self, name):
        return self.page.locator(".tell").filter(has_text=f" {name},")

    def tell(self, name):
        self.button_of(name).click()

    def text(self, selector):
        return self.page.locator(selector).inner_text()

    def thinks(self):
        return self.text("#thinks").removeprefix("It thinks: ")

    def note(self):
        return self.text("#note")

    def counts(self):
        return [int(text.split()[0]) for text in self.page.locator(".count").all_inner_texts()]

    def download(self, name):
        with self.page.expect_download() as download:
            self.click(name)
        return Path(download.value.path()).read_bytes()

    def open(self, name, data):
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
        self.page.set_input_files("#file", file)

    def teach_shapes(self, random, each=EACH):
        for label, name in enumerate(SHAPES):
            self.page.get_by_label(f"Name of class {label + 1}").fill(name)
        for _ in range(each):
            for name in SHAPES:
                self.draw(drawing(name, random))
                self.tell(name)

    def right_of_12(self, random):
        """Of so many drawings that it has not seen."""
        right = 0
        for name in list(SHAPES) * 4:
            self.draw(drawing(name, random))
            right += self.thinks() == name
            self.click("Clear")
        return right


def drawing(name, random):
    """A stroke of that shape, never twice the same."""
    turn, start = random.uniform(-0.2, 0.2), random.uniform(0, 6)
    size_x, size_y = random.uniform(50, 85), random.uniform(50, 85)
    at_x, at_y = random.uniform(110, 170), random.uniform(110, 170)
    if name == "circle":
        corners = [(math.cos(start + a / 2), math.sin(start + a / 2)) for a in range(14)]
    else:
        corners = SHAPES[name]
    return [
        (
            at_x + size_x * (x * math.cos(turn) - y * math.sin(turn)) + random.uniform(-2, 2),
            at_y + size_y * (x * math.sin(turn) + y * math.cos(turn)) + random.uniform(-2, 2),
        )
        for x, y in corners
    ]


@pytest.fixture
def random():
    print(f"TINYPROP_SEED={SEED}")
    return Random(SEED)


@pytest.fixture
def page(browser, address):
    with Page(browser, address, permissions=["clipboard-read", "clipboard-write"]) as page:
        yield page


def file_of(model):
    file = io.BytesIO()
    model.save(file)
    return file.getvalue()


def learned(examples, layers=(16,)):
    """The model that tinyprop.py makes of the examples that the page saved."""
    labels = list(SHAPES)
    dense = [tp.Dense(n, activation="relu") for n in layers]
    settings = {"input_range": (0, 255), "replay": 20 * len(labels), "classes": labels}
    model = tp.Model((12, 12, 1), [*dense, tp.Dense(3)], **settings)
    for *values, name in rows_of(examples):
        for _ in range(4):
            model.learn([int(value) for value in values], labels.index(name))
    return model


def rows_of(examples):
    header, *rows = csv.reader(io.StringIO(examples.decode()))
    assert header == [*(f"x{i + 1}" for i in range(len(header) - 1)), "label"]
    return rows


def test_it_learns_three_shapes_with_the_bits_of_python(page, random):
    page.teach_shapes(random)
    assert page.counts() == [EACH] * 3
    assert page.right_of_12(random) >= 10
    model = learned(page.download("Save the examples"))
    assert page.download("Save model.tp") == file_of(model)
    stats = model.stats()
    numbers = page.text("#numbers")
    assert f"{100 * stats['error']:.0f} %" in numbers
    assert f"{100 * stats['skipped'] / stats['steps']:.0f} %" in numbers


def test_one_button_teaches_three_shapes(page, random):
    page.page.emulate_media(reduced_motion="no-preference")
    page.click("Teach it three shapes")
    page.page.wait_for_selector("text=Now you:")
    assert page.right_of_12(random) >= 10
    assert page.download("Save model.tp") == file_of(learned(page.download("Save the examples")))


@pytest.mark.parametrize("meanwhile", ["Start over", "remove a class"])
def test_the_example_ends_with_the_network_it_teaches(page, meanwhile):
    page.page.emulate_media(reduced_motion="no-preference")
    page.click("Teach it three shapes")
    page.page.wait_for_selector("#numbers:has-text('%')")
    if meanwhile == "Start over":
        page.click(meanwhile)
    else:
        page.page.locator("#classes .remove").nth(2).click()
    page.page.wait_for_selector("#example:not([disabled])")
    counts = page.counts()
    page.page.wait_for_timeout(300)
    assert page.counts() == counts and sum(counts) < 3 * EACH


def test_a_reload_loses_nothing_even_without_a_connection(page, random):
    page.teach_shapes(random, each=2)
    before = page.download("Save model.tp"), page.download("Save the examples"), page.counts()
    numbers = page.text("#numbers")
    page.page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    page.reload()
    after = page.download("Save model.tp"), page.download("Save the examples"), page.counts()
    assert after == before and page.text("#numbers") == numbers
    page.context.set_offline(True)
    page.reload()
    assert page.download("Save model.tp") == before[0]
    page.draw(drawing("circle", random))
    page.tell("circle")
    page.context.set_offline(False)
    assert page.counts() == [3, 2, 2]


def test_a_link_has_the_model(page, random, browser, address):
    page.teach_shapes(random, each=2)
    page.click("Copy a link to it")
    page.page.wait_for_selector("text=The link is copied")
    link = page.page.evaluate("navigator.clipboard.readText()")
    model = page.download("Save model.tp")
    with Page(browser, address) as other:
        other.teach_shapes(Random(2), each=1)
        mine = other.download("Save model.tp")
        other.follow(link)
        assert other.download("Save model.tp") == model
        names = [box.input_value() for box in other.page.locator("#classes input").all()]
        assert names == list(SHAPES) and other.page.url == address
        other.click("Undo: back to what was there")
        assert other.download("Save model.tp") == mine
        other.follow(link[:-40])
        assert "cut short or damaged" in other.note()
        assert other.download("Save model.tp") == mine


def test_a_model_from_python_learns_on(page, random):
    page.teach_shapes(random, each=2)
    model = learned(page.download("Save the examples"), layers=(10, 7))
    page.open("mine.tp", file_of(model))
    page.page.wait_for_selector("text=Undo")
    assert page.page.get_by_label("units of layer 2").input_value() == "7"
    assert page.counts() == [0, 0, 0] and page.download("Save model.tp") == file_of(model)
    page.draw(drawing("zigzag", random))
    page.tell("zigzag")
    (row,) = rows_of(page.download("Save the examples"))
    reference = tp.load(io.BytesIO(file_of(model)))
    for _ in range(4):
        reference.learn([int(value) for value in row[:-1]], 1)
    assert page.download("Save model.tp") == file_of(reference)


def test_files_that_are_no_use_change_nothing(page, random):
    page.teach_shapes(random, each=1)
    before = page.download("Save model.tp")
    damaged = bytearray(before)
    damaged[200] ^= 1
    other = tp.Model(5, [tp.Dense(2)])
    number = tp.Model(144, [tp.Dense(1)], loss="mse")
    for data, words in (
        (bytes(damaged), "cannot be opened: the file is damaged or cut short"),
        (before[:100], "cannot be opened: the file is damaged or cut short"),
        (b"", "cannot be opened: the file is empty"),
        (b"holiday.jpg", "cannot be opened: the file is no tinyprop model"),
        (file_of(other), "is a model of 5 numbers with 2 outputs"),
        (file_of(number), "is a model of 144 numbers with 1 outputs"),
    ):
        page.open("file.tp", data)
        page.page.wait_for_selector(f"text={words}")
        assert page.download("Save model.tp") == before


# Both are cancelled: by itself the browser would show the file in place of the page.
DROP = """(bytes) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([new Uint8Array(bytes)], "dropped.tp"));
    const put = (type) => !dispatchEvent(new DragEvent(type, { dataTransfer, cancelable: true }));
    return put("dragover") && put("drop");
}"""


def test_a_file_is_dropped(page, random):
    page.teach_shapes(random, each=1)
    before = page.download("Save model.tp")
    page.click("Start over")
    assert page.page.evaluate(DROP, list(before[:100]))
    page.page.wait_for_selector("text=dropped.tp cannot be opened: the file is damaged or cut")
    assert page.download("Save model.tp") != before
    assert page.page.evaluate(DROP, list(before))
    page.page.wait_for_selector("text=cannot be opened", state="hidden")
    assert page.download("Save model.tp") == before


def test_layers_are_chosen_by_hand_and_learn_all_examples_again(page, random):
    page.teach_shapes(random, each=2)
    page.page.get_by_label("units of layer 1").fill("9")
    page.page.get_by_label("units of layer 1").press("Enter")
    page.click("Add a layer")
    examples = page.download("Save the examples")
    model = learned(examples, layers=(9, 16))
    assert page.download("Save model.tp") == file_of(model) and page.counts() == [2, 2, 2]
    for layer in 1, 2:
        page.page.get_by_label(f"Layer {layer}", exact=True).select_option("MaxPool2D")
    page.click("Add a layer")
    before = page.download("Save model.tp")
    page.page.get_by_label("Layer 3", exact=True).select_option("Conv2D")
    page.click("Add a layer")
    assert page.page.locator("#add-layer").is_disabled()
    page.page.get_by_label("Layer 4", exact=True).select_option("MaxPool2D")
    pooled = page.download("Save model.tp")
    assert pooled != before
    page.page.get_by_label("Layer 3", exact=True).select_option("MaxPool2D")
    assert "That does not fit: layer 3: MaxPool2D(2) does not fit" in page.note()
    assert page.counts() == [2, 2, 2] and page.download("Save model.tp") == pooled


def test_boards_are_as_tinyprop_info_has_them(page):
    for kind in "Dense", "Conv2D":
        page.page.get_by_label("Layer 1", exact=True).select_option(kind)
        model = tp.load(io.BytesIO(page.download("Save model.tp")))
        rows = page.page.locator("#boards tbody tr").all()
        for name, row in zip(names(), rows, strict=True):
            _, fits, *times = row.locator("th, td").all_inner_texts()
            about = facts(name)
            expected = [milliseconds(about, op, model) for op in ("forward", "learn-full-first")]
            assert [float(time) for time in times] == [float(time) for time in expected]
            assert (fits == "yes") == (len(model._image) <= room(about))
        assert f"{len(model._image):,} bytes of RAM" in page.text("#ram")


def test_classes_come_and_go(page, random):
    page.teach_shapes(random, each=2)
    page.click("Add one more")
    assert page.counts() == [2, 2, 2, 0]
    page.click("Remove class 1")
    assert page.counts() == [2, 2, 0]
    assert page.page.get_by_label("Name of class 1").input_value() == "zigzag"
    assert {row[-1] for row in rows_of(page.download("Save the examples"))} == {
        "zigzag",
        "triangle",
    }


def test_check_speaks_up(page, random):
    for _ in range(16):
        page.draw([(100, 100), (180, 120)])
        page.page.keyboard.press("1")
    assert "Classes two, three were never shown" in page.text("#check")


def test_keys_are_enough(page, random):
    """But for drawing itself."""
    page.draw(drawing("circle", random))
    page.page.keyboard.press("1")
    page.page.keyboard.press("2")
    assert page.counts() == [1, 0, 0] and "Show it something first" in page.note()
    for _ in range(80):
        page.page.keyboard.press("Tab")
        if page.page.evaluate("document.activeElement.id") == "example":
            break
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector("text=Now you:")
    reached = set()
    for _ in range(80):
        page.page.keyboard.press("Tab")
        reached.add(page.page.evaluate("document.activeElement.id"))
    assert {"add", "add-layer", "save", "samples", "open", "share", "restart"} <= reached


def test_a_network_with_other_layers(page, random):
    """It learns as it is. What changes it makes a new one, and can be undone."""
    layers = [tp.Dense(7, activation="tanh"), tp.Dense(2)]
    model = tp.Model(144, layers, input_range=(0, 255), classes=["yes", "no"])
    page.open("mine.tp", file_of(model))
    page.page.wait_for_selector("text=This network was made elsewhere")
    page.draw(drawing("circle", random))
    page.tell("no")
    assert page.counts() == [0, 1]
    learned = page.download("Save model.tp")
    assert learned != file_of(model)
    for change in "Add one more", "Gesture", "Teach it three shapes":
        page.click(change)
        if change == "Teach it three shapes":
            page.page.wait_for_selector("text=Now you:")
        assert page.download("Save model.tp") != learned
        page.click("Undo: back to what was there")
        assert page.download("Save model.tp") == learned and page.counts() == [0, 1]


def test_numbers_in_a_text_teach_nothing(page, random):
    page.draw(drawing("circle", random))
    page.page.get_by_label("Name of class 1").press("1")
    assert page.counts() == [0, 0, 0]


def test_start_over_can_be_undone(page, random):
    page.teach_shapes(random, each=1)
    before = page.download("Save model.tp")
    page.open("mine.tp", before)
    page.page.wait_for_selector("text=It came without examples")
    page.click("Start over")
    assert page.counts() == [0, 0, 0]
    page.click("Undo: back to what was there")
    page.page.wait_for_selector("text=It came without examples")
    page.click("Undo: back to what was there")
    assert page.download("Save model.tp") == before and page.counts() == [1, 1, 1]
    assert page.page.locator("text=Undo").count() == 0


def test_what_does_not_fit_takes_no_place_among_the_ten_that_undo_goes_back(page, random):
    page.teach_shapes(random, each=1)
    for layer, kind in enumerate(("MaxPool2D", "MaxPool2D", "Conv2D", "MaxPool2D"), 1):
        if layer > 1:
            page.click("Add a layer")
        page.page.get_by_label(f"Layer {layer}", exact=True).select_option(kind)
    filters = page.page.get_by_label("filters of layer 3")
    for n in range(5, 17):
        if n in (10, 16):  # half full and full
            page.page.get_by_label("Layer 3", exact=True).select_option("MaxPool2D")
            assert "That does not fit" in page.note()
        filters.fill(str(n))
        filters.press("Enter")
        if n == 6:
            oldest = page.download("Save model.tp")
    page.page.get_by_label("Layer 3", exact=True).select_option("MaxPool2D")
    assert "That does not fit" in page.note()
    for n in range(15, 5, -1):
        page.click("Undo: back to what was there")
        assert filters.input_value() == str(n) and page.counts() == [1, 1, 1]
    assert page.download("Save model.tp") == oldest
    assert page.page.locator("text=Undo").count() == 0


def test_examples_are_a_table_to_train_on(page, random, tmp_path, capsys):
    page.teach_shapes(random, each=4)
    table = tmp_path / "examples.csv"
    table.write_bytes(page.download("Save the examples"))
    train(table, tmp_path / "drawn.tp", None, [16], None, 2, 1, None, None)
    assert "circle" in capsys.readouterr().out
    assert sorted(tp.load(tmp_path / "drawn.tp").classes) == sorted(SHAPES)


def test_names_that_are_empty_or_the_same_are_classes_of_a_table(page, random, tmp_path, capsys):
    page.teach_shapes(random, each=4)
    page.page.get_by_label("Name of class 1").fill(" ")
    page.page.get_by_label("Name of class 3").fill("zigzag ")
    table, model = tmp_path / "examples.csv", tmp_path / "page.tp"
    table.write_bytes(page.download("Save the examples"))
    model.write_bytes(page.download("Save model.tp"))
    labels = ["class 1", "zigzag", "class 3"]
    assert [row[-1] for row in rows_of(table.read_bytes())] == labels * 4
    train(table, tmp_path / "drawn.tp", None, [16], None, 2, 1, None, None)
    evaluate(model, table, None)
    assert "12 samples of 144 values, in 3 classes" in capsys.readouterr().out
    assert tp.load(model).classes == labels


FINGERS = """(fingers) => {
    const paper = document.querySelector(".paper");
    const { left, top } = paper.getBoundingClientRect();
    const put = (type, pointerId, x, y) => {
        const place = { clientX: left + x, clientY: top + y };
        paper.dispatchEvent(new PointerEvent(type, { pointerId, bubbles: true, ...place }));
    };
    put("pointerdown", 1, 20, 20);
    put("pointermove", 1, 150, 20);
    if (fingers === 2) {
        put("pointerdown", 2, 20, 200);
        put("pointermove", 2, 200, 100);
        put("pointerup", 2, 200, 100);
    }
    put("pointermove", 1, 150, 150);
    put("pointerup", 1, 150, 150);
}"""


def test_a_second_finger_draws_nothing(page):
    for fingers in 1, 2:
        page.page.evaluate(FINGERS, fingers)
        page.tell("one")
    one, two = rows_of(page.download("Save the examples"))
    assert one == two


# ---- other ways to show something


def test_what_was_drawn_is_there_after_gestures(page, random):
    page.teach_shapes(random, each=2)
    drawn = page.download("Save model.tp")
    page.click("Gesture")
    assert page.counts() == [0, 0, 0]
    page.draw([(40 + 8 * i, 140) for i in range(26)])
    page.tell("circle")
    page.click("Draw")
    assert page.download("Save model.tp") == drawn and page.counts() == [2, 2, 2]
    page.click("Gesture")
    assert page.counts() == [1, 0, 0]


def test_gestures(page, random):
    page.click("Gesture")
    there = [(40 + 8 * i, 140 + random.uniform(-3, 3)) for i in range(26)]
    down = [(140 + random.uniform(-3, 3), 40 + 8 * i) for i in range(26)]
    ways = {"one": there, "two": there[::-1], "three": down}
    for _ in range(3):
        for name, points in ways.items():
            page.draw(points)
            page.tell(name)
    for name, points in ways.items():
        page.draw_by_mouse(points)
        assert page.thinks() == name


def hold(page, name):
    """Until there are three examples or more."""
    button = page.button_of(name)
    button.dispatch_event("pointerdown")
    button.filter(has_text=re.compile("[3-9] examples")).wait_for()
    button.dispatch_event("pointerup")


def test_sounds(browser, address):
    """The browser's own stand-in for a microphone beeps."""
    with Page(browser, address, permissions=["microphone"]) as page:
        page.click("Sound")
        page.page.wait_for_selector(".bars")
        hold(page, "one")
        assert page.counts()[0] >= 3 and page.counts()[1] == 0
        page.click("Draw")
        assert page.page.locator(".paper").is_visible()


def test_a_microphone_that_is_denied(browser, address):
    with Page(browser, address) as page:
        page.click("Sound")
        page.page.wait_for_selector("text=allow the microphone, and press Sound again")


MOVE = """({ size, n }) => {
    for (let i = 0; i < n; i++) {
        const accelerationIncludingGravity = { x: size * Math.sin(i), y: 0, z: 9.81 };
        dispatchEvent(Object.assign(new Event("devicemotion"), { accelerationIncludingGravity }));
    }
}"""


def test_motion(page):
    page.click("Motion")
    page.page.evaluate(MOVE, {"size": 0, "n": 1})
    page.page.wait_for_selector(".reading")
    for _ in range(3):
        for label, size in enumerate((0, 3, 12)):
            page.page.keyboard.down(str(label + 1))
            page.page.evaluate(MOVE, {"size": size, "n": 64})
            page.page.keyboard.up(str(label + 1))
    assert min(page.counts()) >= 20
    page.page.evaluate(MOVE, {"size": 12, "n": 64})
    assert page.thinks() == "three"


def test_a_key_that_is_let_go_elsewhere_teaches_no_more(page):
    page.click("Motion")
    page.page.evaluate(MOVE, {"size": 0, "n": 1})
    page.page.wait_for_selector(".reading")
    page.page.keyboard.down("1")
    page.page.evaluate(MOVE, {"size": 3, "n": 64})
    counts = page.counts()
    page.page.evaluate("dispatchEvent(new Event('blur'))")
    page.page.evaluate(MOVE, {"size": 3, "n": 64})
    assert page.counts() == counts != [0, 0, 0]


def test_no_motion_sensor(page):
    page.page.clock.install()
    page.click("Motion")
    page.page.clock.fast_forward(2000)
    page.page.wait_for_selector("text=Open the page on a phone")
    page.click("Motion")
    page.click("Draw")
    page.page.clock.fast_forward(3000)
    assert page.note() == "" and page.page.locator(".paper").is_visible()


# ---- for everybody


def test_accessibility(page):
    node = subprocess.run(
        [ROOT / "boards/setup/node.sh"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    axe = Path(node, "node_modules/axe-core/axe.min.js").read_text()
    page.click("Teach it three shapes")
    page.draw(drawing("circle", Random(1)))
    page.page.evaluate(axe + "; undefined")
    for scheme in "light", "dark":
        page.page.emulate_media(color_scheme=scheme)
        found = page.page.evaluate("axe.run()")["violations"]
        for violation in found:
            print(scheme, violation["id"], [node["html"] for node in violation["nodes"]])
        assert not found


def test_every_width(page):
    page.click("Teach it three shapes")
    page.page.wait_for_selector("text=Now you:")
    for width in 320, 390, 768, 1280:
        page.page.set_viewport_size({"width": width, "height": 844})
        assert page.page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert page.text("#thinks").startswith("Now you:")  # a phone's bars come and go


def test_it_is_small(web):
    text = (web / "files.js").read_text()
    sizes = {name: (web / name).stat().st_size for name in re.findall(r'"\./(.+)"', text)}
    assert sum(sizes.values()) < FEW_BYTES and "tinyprop/tinyprop.wasm" in sizes
    whole = sum(path.stat().st_size for path in web.rglob("*") if path.is_file())
    assert whole < FEW_BYTES_WITH_A_PICO


# ---- on a board


def twins(page):
    return page.page.locator("#twins dd").all_inner_texts()


def learns_there_too(page, name):
    """The page says so at once, as the Pico may be done before one looks again."""
    press = "(button) => { button.click(); return document.getElementById('twins').innerText; }"
    assert "it is learning" in page.button_of(name).evaluate(press)
    page.page.wait_for_selector("text=to the last bit")


def test_a_new_pico_gets_its_firmware(page):
    file = page.download("Get a file for my new Pico")
    there = ROOT / "dist/web/board/pico/firmware.uf2.gz"
    assert file == gzip.decompress(there.read_bytes()) and file.startswith(b"UF2\n")
    page.page.wait_for_selector("text=drag the .uf2 file to the drive that appears")


def test_a_pico_in_the_page_learns_on(page, random):
    """With the same bits, and what it learned comes back."""
    page.teach_shapes(random, each=2)
    page.click("Start a Pico in this page")
    page.page.wait_for_selector("text=is in this firmware")
    page.click("Give it the network")
    page.page.wait_for_selector("text=to the last bit")
    before = twins(page)
    page.draw(drawing("zigzag", random))
    learns_there_too(page, "zigzag")
    after = twins(page)
    assert before[0] == before[1] and after[0] == after[1] != before[0]
    here = page.download("Save model.tp")
    page.click("Fetch its network back")
    page.page.wait_for_selector("text=The network of the board is here now")
    assert (
        page.download("Save model.tp")
        == here
        == file_of(learned(page.download("Save the examples")))
    )
    page.click("Add one more")
    page.click("Fetch its network back")
    page.page.wait_for_selector("text=The board has another network than this page, so your")
    assert page.counts() == [2, 3, 2, 0]
    page.click("Undo: back to what was there")
    page.click("Fetch its network back")
    page.page.wait_for_selector("text=The network of the board is here now")
    assert page.download("Save model.tp") == here and page.counts() == [2, 3, 2]
    page.draw(drawing("circle", random))
    learns_there_too(page, "circle")
    page.page.locator(".xterm-helper-textarea").focus()
    page.page.keyboard.type("model.learn([0] * 144, 0)\n")
    page.page.get_by_role("listitem").filter(has_text="True").first.wait_for()
    assert "somebody typed at its prompt" in page.text("#twins")
    page.draw(drawing("circle", random))
    page.tell("circle")
    page.page.wait_for_selector("text=no: give it the network")
    page.click("Give it the network")
    page.page.wait_for_selector("text=to the last bit")
    assert "was stopped" not in page.text("#said")
    page.page.locator(".xterm-helper-textarea").focus()
    loop = "import time\nwhile print('it ' + 'runs') is None: time.sleep(999)\n\n"
    page.page.keyboard.type(loop)
    lines = page.page.get_by_role("listitem")
    lines.filter(has_text="it runs").first.wait_for()
    page.draw(drawing("circle", random))
    page.tell("circle")
    page.page.wait_for_selector("text=The program that ran at the board's prompt was stopped")
    lines.filter(has_text="KeyboardInterrupt").first.wait_for()
    page.page.wait_for_selector("text=to the last bit")
    page.click("Let go of the board")
    page.page.get_by_role("button", name="Connect my board").wait_for()


READ = """
n = 0

def read():
    global n
    n += 1
    return n % 7, 0, 500
"""


@pytest.fixture(scope="module")
def page_with_sensor(browser, address):
    with Page(browser, address) as page:
        page.click("A board's sensor")
        assert "Connect a board first" in page.note()
        page.click("Start a Pico in this page")
        page.page.wait_for_selector("text=is in this firmware")
        page.click("A board's sensor")
        yield page


def test_a_sensor_of_a_board(page_with_sensor):
    page = page_with_sensor
    page.page.get_by_label("What gives a reading").fill(READ)
    page.click("Read it")
    hold(page, "two")
    page.click("Stop")
    page.page.get_by_role("button", name="Read it").wait_for()
    first, *_ = rows_of(page.download("Save the examples"))
    # Of z: mean, spread, least, most.
    assert first[-1] == "two" and first[14:18] == ["500", "0", "500", "500"]
    page.page.get_by_label("What gives a reading").fill("def read():\n    return 1 / 0\n")
    page.click("Read it")
    page.page.locator(".reading", has_text="line 2, in read\nZeroDivisionError").wait_for()


@pytest.mark.parametrize(
    "program, sentence",
    [
        ("x = 1", "name 'read' isn't defined"),
        ("def read():\n    return 1, 2, 3, 4", "read() gives 4 numbers, expected one to three."),
        ("def read():\n    return []", "read() gives 0 numbers, expected one to three."),
        ("def read():\n    return 40000", "read() gives 40000, expected up to 32767: divide it"),
        ("def read():\n    return 1, None", "read() gives [1, null], expected numbers."),
    ],
)
def test_a_program_that_gives_no_reading(page_with_sensor, program, sentence):
    page = page_with_sensor
    page.page.get_by_label("What gives a reading").fill(program)
    page.click("Read it")
    page.page.locator(".reading", has_text=sentence).wait_for()
    stage = page.page.locator("#stage")
    assert stage.evaluate("(stage) => stage.scrollWidth <= stage.clientWidth")
    page.page.get_by_role("button", name="Read it").wait_for()


def test_a_board_that_is_let_go_while_it_reads(page_with_sensor):
    page = page_with_sensor
    page.page.get_by_label("What gives a reading").fill(READ)
    page.click("Read it")
    page.page.locator(".reading", has_text="500").wait_for()
    page.click("Let go of the board")
    page.page.locator(".reading", has_text="not connected any more").wait_for()
    assert page.text("#said") == ""
    page.click("Read it")
    page.page.locator(".reading", has_text="Connect a board first").wait_for()


def test_no_connection_for_what_a_board_needs(page):
    page.page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    page.reload()
    page.page.route("**/board/*", lambda route: route.abort())
    page.context.set_offline(True)
    page.click("Start a Pico in this page")
    page.page.wait_for_selector("text=connect to the internet, and load the page again")
    page.errors.clear()  # the browser's own words


def test_no_board(page):
    page.page.evaluate("Object.defineProperty(navigator, 'serial', { value: undefined })")
    page.click("Connect my board")
    page.page.wait_for_selector("text=This browser cannot reach a board, as it has no Web Serial")
