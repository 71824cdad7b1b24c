// What the page keeps, without the page: projects.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromText, textOf } from "../../dist/web/keep.js";
import { Project } from "../../dist/web/project.js";
import { draw } from "../../dist/web/sources/draw.js";
import { gesture } from "../../dist/web/sources/gesture.js";
import { Dense, Model, load } from "../../dist/web/tinyprop/tinyprop.js";

function drawn(names = ["one", "two", "three"]) {
  const project = new Project(draw);
  project.names = names;
  for (let i = 0; i < 6; i++) {
    const x = Array.from({ length: 144 }, (_, k) => (k * (i + 1) * 37) % 256);
    project.teach(x, i % 3);
  }
  return project;
}

test("layers are known again when a model is opened", () => {
  for (const layers of [
    [{ kind: "Conv2D", size: 4 }, { kind: "MaxPool2D" }, { kind: "Dense", size: 16 }],
    [{ kind: "Conv2D", size: 2 }],
    [],
  ]) {
    const project = new Project(draw);
    project.change((one) => (one.layers = layers));
    const opened = new Project(draw);
    opened.take(load(project.file()), draw);
    assert.deepEqual(
      opened.layers,
      layers.map(({ kind, size }) => ({ kind, size })),
    );
  }
});

test("a network comes back from a board to the examples it learned from", () => {
  const project = drawn();
  const there = load(project.file(true));
  const given = [...project.names];
  const x = project.examples[0].x;
  project.names[0] = "uno";
  there.learn(x, 2);
  project.takeBack(there, given);
  assert.equal(project.model, there);
  assert.deepEqual(
    [project.names, project.counts()],
    [
      ["uno", "two", "three"],
      [2, 2, 2],
    ],
  );
  project.teach(x, 0);
  fromText(new Project(draw), textOf(project), [draw]);
});

test("a network of a board that does not fit what is here changes nothing", () => {
  const given = drawn().file(true);
  const others = [
    (project) => project.addClass(),
    (project) => project.removeClass(2),
    (project) => (project.removeClass(0), project.addClass()),
    (project) => project.change(({ layers }) => (layers[0].size = 9)),
    (project) => project.turnTo(gesture),
  ];
  for (const change of others) {
    const project = drawn();
    change(project);
    const before = textOf(project);
    assert.throws(
      () => project.takeBack(load(given), project.names),
      /^RangeError: The board has another network than/,
    );
    assert.equal(textOf(project), before);
    fromText(new Project(draw), before, [draw, gesture]);
  }
  const project = drawn();
  const numbers = new Model([12, 12, 1], [Dense(16, { activation: "relu" }), Dense(3)], { loss: "mse" });
  assert.throws(() => project.takeBack(numbers, project.names), /another network/);
});

test("files have a name for each class, and no two the same", () => {
  for (const [names, labels] of [
    [
      ["", "two", ""],
      ["class 1", "two", "class 3"],
    ],
    [
      ["two", "two", "two"],
      ["two", "class 2", "class 3"],
    ],
    [
      ["class 2", "", ""],
      ["class 2", "class 3", "class 4"],
    ],
  ]) {
    const project = drawn(names);
    assert.deepEqual(project.labels(), labels);
    assert.deepEqual(load(project.file()).classes, labels);
  }
});

test("one more class gets a name of its own", () => {
  const project = new Project(draw);
  project.addClass();
  project.removeClass(0);
  project.addClass();
  assert.deepEqual(project.names, ["two", "three", "thing 4", "thing 5"]);
});
