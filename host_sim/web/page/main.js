// The page: what a person does, and what is shown of it.

import { onBoards } from "./boards.js";
import { SHAPES, randomFrom, strokeOf } from "./examples.js";
import { fits, fromLink, fromText, keep, kept, linkOf, textOf } from "./keep.js";
import { OnBoard, UNKNOWN, flashEsp32, picoFirmware } from "./on_board.js";
import { Heat, drawCurves } from "./plots.js";
import { KINDS, MOST_CLASSES, MOST_LAYERS, Project } from "./project.js";
import { draw } from "./sources/draw.js";
import { gesture } from "./sources/gesture.js";
import { motion } from "./sources/motion.js";
import { sensorOf } from "./sources/sensor.js";
import { sound } from "./sources/sound.js";
import { load } from "./tinyprop/tinyprop.js";

const EACH = 8; // drawings of each shape in the example
const PAUSE = 60; // milliseconds between them, where nobody minds what moves

const $ = (id) => document.getElementById(id);
const project = new Project(draw);
const heat = new Heat($("heat"));
const onBoard = new OnBoard((text) => ($("said").textContent = text), showThere);
const SOURCES = [draw, gesture, sound, motion, sensorOf(onBoard)];
let stage = null; // what the source has started: stop(), clear(), and put() if it is drawn on
let starting = null; // the last start of a source, as a person may be faster than it
let sample = null; // what the person shows just now
let held = null; // the class whose button is held while a live source goes on
const past = []; // texts of what was there, for Undo
const MOST_UNDONE = 10;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}

function note(text) {
  $("note").textContent = text;
  $("note").hidden = !text;
}

// ---- 1: showing

function showSources() {
  const buttons = SOURCES.map((source) => {
    const button = element("button", { type: "button", textContent: source.title });
    button.setAttribute("aria-pressed", source === project.source);
    button.addEventListener("click", () => choose(source));
    return button;
  });
  $("sources").replaceChildren(...buttons);
  $("hint").textContent = project.source.hint;
  $("clear").hidden = Boolean(project.source.live);
  $("example").hidden = project.source !== draw;
}

async function choose(source) {
  note("");
  if (source !== project.source) {
    forUndo();
    keep(project);
    try {
      fromText(project, kept(source.id), SOURCES);
    } catch {
      project.turnTo(source); // nothing was kept of it
    }
  }
  showAll();
  await startSource();
}

async function startSource() {
  const { source } = project;
  const mine = (starting = Symbol());
  stage?.stop();
  stage = sample = null;
  $("stage").replaceChildren();
  try {
    const started = await source.start($("stage"), onSample);
    if (starting === mine) {
      stage = started;
    } else {
      started.stop();
    }
  } catch (error) {
    if (starting === mine) {
      note(error.message);
    }
  }
}

function onSample(x) {
  sample = x;
  if (x && held !== null) {
    teach(held);
  }
  showGuess();
}

// ---- 2: telling

function teach(label) {
  if (!sample) {
    note("Show it something first.");
    return;
  }
  note("");
  const x = sample;
  project.teach(x, label);
  if (onBoard.follows(project)) {
    onBoard.learn(project, x, label);
  }
  if (!project.source.live) {
    stage.clear();
  }
  showLearning();
  keepSoon();
}

function showClasses() {
  const items = project.names.map((name, label) => {
    const tell = element("button", { type: "button", className: "tell", title: `Key ${label + 1}` });
    tell.append(
      element("span", { className: "bar" }),
      element("span", { className: "says", textContent: project.source.live ? "Hold while it is" : "This is it" }),
      element("span", { className: "unseen name" }),
      element("span", { className: "share" }),
      element("span", { className: "count" }),
    );
    const input = element("input", { value: name, maxLength: 20 });
    input.setAttribute("aria-label", `Name of class ${label + 1}`);
    input.addEventListener("input", () => {
      project.names[label] = input.value.trim();
      showCounts();
      keepSoon();
    });
    const remove = element("button", { type: "button", className: "remove", textContent: "×" });
    remove.setAttribute("aria-label", `Remove class ${label + 1}`);
    remove.disabled = project.names.length <= 2;
    remove.addEventListener("click", () => alter(() => project.removeClass(label)));
    hold(tell, label);
    return element("li", {}, input, tell, remove);
  });
  $("classes").replaceChildren(...items);
  $("add").disabled = project.names.length >= MOST_CLASSES;
  showCounts();
}

function showCounts() {
  const counts = project.counts();
  [...$("classes").children].forEach((item, label) => {
    item.querySelector(".name").textContent = ` ${project.nameOf(label)},`;
    item.querySelector(".count").textContent = counts[label] === 1 ? "1 example" : `${counts[label]} examples`;
  });
}

// Of a drawing a press tells what it is; of what goes on, as long as the button is held.
function hold(button, label) {
  button.addEventListener("click", () => !project.source.live && teach(label));
  const from = (event) => {
    if (project.source.live && (event.key === undefined || event.key === " " || event.key === "Enter")) {
      held = label;
    }
  };
  const to = () => (held = null);
  button.addEventListener("pointerdown", from);
  button.addEventListener("keydown", from);
  for (const name of ["pointerup", "pointerleave", "pointercancel", "keyup", "blur"]) {
    button.addEventListener(name, to);
  }
}

addEventListener("keydown", (event) => {
  const label = Number(event.key) - 1;
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  if (label in project.names) {
    if (project.source.live) {
      held = label;
    } else if (!event.repeat) {
      teach(label);
    }
  }
});
for (const name of ["keyup", "blur"]) {
  addEventListener(name, () => (held = null));
}

function showGuess() {
  const shares = sample && project.knowsAnything() ? project.model.predictProba(sample) : [];
  const most = Math.max(...shares);
  [...$("classes").children].forEach((item, label) => {
    const share = shares[label] ?? 0;
    item.querySelector(".bar").style.width = `${100 * share}%`;
    item.classList.toggle("guess", shares.length > 0 && share === most);
    item.querySelector(".share").textContent = shares.length ? percent(share) : "";
  });
  if (shares.length) {
    $("thinks").textContent = `It thinks: ${project.nameOf(shares.indexOf(most))}`;
  } else {
    $("thinks").textContent = project.knowsAnything() ? "Show it something." : "It knows nothing yet.";
  }
}

// ---- 3: what it learns

function showLearning() {
  showCounts();
  const { error, steps, skipped } = project.model.stats();
  const lately = project.lately();
  showNumbers([
    ["--right", "guessed right before you told it, lately", lately === null ? "–" : percent(lately)],
    ["--error", "how wrong it is on the whole", steps ? percent(error) : "–"],
    ["--skipped", "steps it skipped, as it knew already", steps ? percent(skipped / steps) : "–"],
  ]);
  showCurves();
  heat.draw(project.weights(), project.moved);
  project.moved = null;
  const says = project.check();
  $("check").replaceChildren(...says.map((text) => element("li", { textContent: text })));
  if (!says.length) {
    $("check").append(element("li", { textContent: advice() }));
  }
  showGuess();
}

function showCurves() {
  const { points } = project;
  drawCurves(
    $("curve"),
    points.map(([wrong, right, skips]) => [right, wrong, skips]),
    ["--right", "--error", "--skipped"],
  );
  $("curve").setAttribute("aria-label", `Curves of the last ${points.length} examples; the numbers below say the same`);
}

function advice() {
  const counts = project.counts();
  const least = Math.min(...counts);
  if (!project.examples.length && project.knowsAnything()) {
    return "It came without examples. Show it something, and tell it where it is wrong.";
  }
  if (least < 3) {
    return `Give it three or more examples of each. Next: ${project.nameOf(counts.indexOf(least))}.`;
  }
  return "All is well. More examples, each a little different, make it surer.";
}

function showNumbers(rows) {
  const items = rows.flatMap(([variable, text, value]) => {
    const mark = element("i");
    mark.style.background = `var(${variable})`;
    return [element("dt", {}, mark, text), element("dd", { textContent: value })];
  });
  $("numbers").replaceChildren(...items);
}

// ---- 4: the network

function showLayers() {
  const { layers, model, names, source } = project;
  if (layers === null) {
    const text = "This network was made elsewhere, and learns here all the same. Its layers:";
    $("layers").replaceChildren(element("li", { textContent: `${text} ${model}` }));
  } else {
    $("layers").replaceChildren(
      ...layers.map(layerItem),
      element("li", { textContent: `Dense, ${names.length} units: one for each thing it tells apart` }),
    );
  }
  $("add-layer").disabled = layers === null || layers.length >= MOST_LAYERS;
  const rows = onBoards(model).map(({ name, fits, room, predict, learn }) => {
    const cells = [fits ? "yes" : `no, it has ${Math.round(room / 1000)} kB`, short(predict), short(learn)];
    const head = element("th", { scope: "row", textContent: name });
    return element("tr", {}, head, ...cells.map((textContent) => element("td", { textContent })));
  });
  $("boards").tBodies[0].replaceChildren(...rows);
  const bytes = model._image.length.toLocaleString("en");
  const shape = source.shape.join(" × ");
  $("ram").textContent =
    `On a board it takes ${bytes} bytes of RAM, with the examples it remembers, and reads ${shape} numbers at a time.` +
    " Times are estimates, within a factor of two and a half; where most numbers are 0 it takes less.";
}

function short(ms) {
  return String(Number(ms.toPrecision(2)));
}

function layerItem({ kind, size }, i) {
  const kinds = Object.keys(KINDS).filter((one) => !KINDS[one].maps || project.source.shape.length === 3);
  const select = element("select", {}, ...kinds.map((textContent) => element("option", { textContent })));
  select.value = kind;
  select.setAttribute("aria-label", `Layer ${i + 1}`);
  select.addEventListener("change", () => {
    alter(() => project.change(({ layers }) => (layers[i] = { kind: select.value, size: defaultSize(select.value) })));
  });
  const parts = [select];
  if (KINDS[kind].sizes) {
    const [word, min, max] = KINDS[kind].sizes;
    const input = element("input", { type: "number", min, max, value: size });
    input.setAttribute("aria-label", `${word} of layer ${i + 1}`);
    input.addEventListener("change", () => {
      const n = Math.min(max, Math.max(min, Math.round(Number(input.value)) || min));
      alter(() => project.change(({ layers }) => (layers[i].size = n)));
    });
    parts.push(input, word);
  }
  const remove = element("button", { type: "button", className: "remove", textContent: "×" });
  remove.setAttribute("aria-label", `Remove layer ${i + 1}`);
  remove.addEventListener("click", () => alter(() => project.change(({ layers }) => layers.splice(i, 1))));
  return element("li", {}, ...parts, remove);
}

function defaultSize(kind) {
  return { Dense: 16, Conv2D: 4 }[kind];
}

// ---- 5: keeping

let timer = null;

function keepSoon() {
  clearTimeout(timer);
  timer = setTimeout(keepNow, 300);
}

function keepNow() {
  clearTimeout(timer);
  if (!keep(project)) {
    $("kept").textContent = "This browser keeps nothing for the page: save the model as a file before you leave.";
  }
}

addEventListener("pagehide", keepNow);

// was: what Undo brings back
function forUndo(was = textOf(project)) {
  past.push(was);
  past.splice(0, past.length - MOST_UNDONE);
  showUndo();
}

function showUndo() {
  const button = element("button", { type: "button", textContent: "Undo: back to what was there" });
  button.addEventListener("click", () => {
    note("");
    fromText(project, past.pop(), SOURCES);
    showUndo();
    refresh();
  });
  $("kept").replaceChildren(...(past.length ? [button] : []));
}

function download(name, bytes) {
  const url = URL.createObjectURL(new Blob([bytes]));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// A table as `tinyprop train` takes it: a line for each example, in the order in which they were taught.
function samplesOf(project) {
  const { examples, model } = project;
  const labels = project.labels();
  const columns = Array.from({ length: model._nIn }, (_, i) => `x${i + 1}`);
  const lines = examples.map(({ x, y }) => [...x, `"${labels[y].replaceAll('"', '""')}"`]);
  return [[...columns, "label"], ...lines].map((line) => `${line.join()}\n`).join("");
}

async function open(file) {
  let model;
  try {
    model = load(await file.arrayBuffer());
  } catch (error) {
    note(
      `${file.name} cannot be opened: ${error.message}. Choose a file that tinyprop has saved, model.tp or the like.`,
    );
    return;
  }
  const source = SOURCES.find((one) => fits(one, model));
  if (!source || model._mse || model._nOut > MOST_CLASSES) {
    note(
      `${file.name} is a model of ${model._nIn} numbers with ${model._nOut} outputs, and nothing on this page gives it such` +
        " numbers. In Python, tinyprop.load reads it.",
    );
    return;
  }
  note("");
  forUndo();
  project.take(model, source);
  refresh();
}

async function share() {
  try {
    $("kept").replaceChildren(await copy(await linkOf(project)));
  } catch (error) {
    note(error.message);
  }
}

// Not every browser lets a page copy.
async function copy(link) {
  try {
    await navigator.clipboard.writeText(link);
    return `The link is copied: ${link.length} characters. It has the network, and none of your examples.`;
  } catch {
    const box = element("input", { value: link, readOnly: true });
    box.setAttribute("aria-label", "The link");
    box.addEventListener("focus", () => box.select());
    return element("label", {}, "Copy this link: ", box);
  }
}

async function openLink() {
  const code = location.hash.slice(1);
  if (!code) {
    return;
  }
  history.replaceState(null, "", location.pathname + location.search);
  const was = textOf(project);
  try {
    await fromLink(project, code, SOURCES);
    forUndo(was);
  } catch {
    note("The link is cut short or damaged: ask for it once more, and copy all of it.");
  }
}

// ---- 6: on a board

// Something that takes a while, and may fail in words.
async function attempt(action) {
  note("");
  $("start").inert = $("there").inert = true;
  try {
    await action();
  } catch (error) {
    $("said").textContent = "";
    note(error.message);
  }
  $("start").inert = $("there").inert = false;
  showThere();
}

function showThere() {
  const { board, there, left, here, digest } = onBoard;
  $("start").hidden = board !== null;
  $("there").hidden = board === null;
  $("fetch").disabled = there === null || left > 0;
  let state = here === digest ? "to the last bit" : "no: give it the network, or fetch its own back";
  if (left > 0) {
    state = "it is learning ...";
  } else if (digest === UNKNOWN) {
    state = "somebody typed at its prompt; it is asked again once you teach it";
  }
  const rows = onBoard.follows(project)
    ? { "this page has": here, "the board has": digest, "the same?": state }
    : { "the same?": there === null ? "it has no network yet" : "no, the network here is another one now" };
  $("twins").replaceChildren(
    ...Object.entries(rows).flatMap(([term, textContent]) => [
      element("dt", { textContent: term }),
      element("dd", { textContent }),
    ]),
  );
}

async function fetchBack() {
  const model = load(await onBoard.fetch());
  const was = textOf(project);
  project.takeBack(model, onBoard.follows(project) ? onBoard.names : project.names);
  forUndo(was);
  await onBoard.pairWith(project);
  $("said").textContent = "The network of the board is here now.";
  showAll();
  keepSoon();
}

$("pico").addEventListener("click", () => attempt(() => onBoard.startPico($("terminal"))));
$("connect").addEventListener("click", () => attempt(() => onBoard.startBoard($("terminal"))));
$("give").addEventListener("click", () => attempt(() => onBoard.give(project)));
$("fetch").addEventListener("click", () => attempt(fetchBack));
$("end").addEventListener("click", () => attempt(() => onBoard.end()));
$("uf2").addEventListener("click", () =>
  attempt(async () => {
    const { uf2, how } = await picoFirmware();
    download("tinyprop-pico.uf2", uf2);
    $("said").textContent = `tinyprop-pico.uf2 is among your downloads. ${how} Then connect it.`;
  }),
);
$("firmware").addEventListener("click", () => $("firmware-file").click());
$("firmware-file").addEventListener("change", ({ target }) =>
  attempt(async () => {
    const [file] = target.files;
    const data = new Uint8Array(await file.arrayBuffer());
    target.value = "";
    await flashEsp32(data, (text) => ($("said").textContent = text));
  }),
);

// ---- all together

function alter(change) {
  note("");
  const was = textOf(project);
  try {
    change();
    forUndo(was);
  } catch (error) {
    note(`That does not fit: ${error.message}.`);
  }
  showAll();
  keepSoon();
}

function showAll() {
  showSources();
  showClasses();
  showLayers();
  showLearning();
  showThere();
}

async function refresh() {
  showAll();
  keepSoon();
  await startSource();
}

async function example() {
  note("");
  forUndo();
  project.names = [...SHAPES];
  project.turnTo(draw);
  showAll();
  await startSource();
  $("example").disabled = true;
  const random = randomFrom(1);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const { model } = project;
  const goesOn = () => project.model === model && project.source === draw && stage;
  for (let i = 0; i < EACH * SHAPES.length && goesOn(); i++) {
    stage.put([strokeOf(SHAPES[i % SHAPES.length], random)]);
    teach(i % SHAPES.length);
    if (!still) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
  $("example").disabled = false;
  if (goesOn()) {
    $("thinks").textContent = "Now you: draw a circle, a zigzag or a triangle.";
  }
}

$("clear").addEventListener("click", () => stage?.clear());
$("example").addEventListener("click", example);
$("add").addEventListener("click", () => alter(() => project.addClass()));
$("add-layer").addEventListener("click", () =>
  alter(() => project.change(({ layers }) => layers.push({ kind: "Dense", size: defaultSize("Dense") }))),
);
$("save").addEventListener("click", () => download("model.tp", project.file()));
$("samples").addEventListener("click", () => download("examples.csv", samplesOf(project)));
$("share").addEventListener("click", share);
$("file").addEventListener("change", async ({ target }) => {
  await open(target.files[0]);
  target.value = "";
});
$("open").addEventListener("click", () => $("file").click());
// A file may be dropped anywhere; by itself the browser would leave the page for it.
const hasFiles = ({ dataTransfer }) => dataTransfer.types.includes("Files");
addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
addEventListener("drop", (event) => {
  if (hasFiles(event)) {
    event.preventDefault();
    open(event.dataTransfer.files[0]);
  }
});
$("restart").addEventListener("click", () => {
  note("");
  forUndo();
  project.startOver(project.source);
  refresh();
});
addEventListener("resize", showCurves);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showCurves);

try {
  fromText(project, kept(), SOURCES);
} catch {
  // Nothing was kept, or by an older page.
}
await openLink();
showAll();
if (project.source.live) {
  $("stage").textContent = `Press ${project.source.title} to go on.`; // no page listens unasked
} else {
  await startSource();
}
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("sw.js");
}
document.documentElement.dataset.ready = "yes";
