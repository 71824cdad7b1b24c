// What tinyprop.js takes, and what it refuses: in a sentence, with the model as it was.
import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";
import { crc32 } from "../../dist/web/tinyprop/crc32.js";
import * as tp from "../../dist/web/tinyprop/tinyprop.js";

const SIX = [1, 2, 3, 4, 5, 6];

function small(settings = {}) {
  const layers = [tp.Dense(5, { activation: "relu" }), tp.Dense(3)];
  return new tp.Model(6, layers, { inputRange: [0, 200], policy: tp.Full(), ...settings });
}

function numbers(n = 2) {
  return new tp.Model(2, [tp.Dense(n)], { loss: "mse" });
}

// The call throws an error of this kind with these words, and the model is as before.
function refused(model, kind, words, call) {
  const before = model.save(true);
  assert.throws(call, (error) => {
    assert.equal(error.constructor, kind, error.stack);
    assert.ok(error.message.startsWith(words), error.message);
    return true;
  });
  assert.deepEqual(model.save(true), before);
}

test("every kind of array gives the same bits", () => {
  const kinds = [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
  ];
  const files = [...kinds.map((kind) => kind.from(SIX)), SIX].map((x) => {
    const model = small();
    model.learn(x, 1);
    return model.save();
  });
  files.forEach((file) => assert.deepEqual(file, files[0]));
});

test("an array may start anywhere", () => {
  const one = small();
  const two = small();
  one.learn(new Uint8Array([9, ...SIX]).subarray(1), 1);
  two.learn(SIX, 1);
  assert.deepEqual(one.save(), two.save());
});

test("many samples are learned as one after the other", () => {
  const [one, many, lists] = [small(), small(), small()];
  const rows = Array.from({ length: 90 }, (_, i) => SIX.map((v) => (v * i * 7) % 200));
  const y = rows.map((_, i) => i % 3);
  rows.forEach((x, i) => one.learn(x, y[i]));
  assert.equal(many.learnMany(Float32Array.from(rows.flat()), Uint8Array.from(y)), 90);
  assert.equal(lists.learnMany(rows, y), 90);
  assert.deepEqual(many.save(), lists.save());
  const loss = many.loss;
  assert.deepEqual(many.stats(), one.stats());
  const right = rows.filter((x, i) => one.predict(x) === y[i]).length;
  assert.equal(many.evaluate(rows, y), right / 90);
  assert.notEqual(many.loss, loss);
});

test("numbers: one output, or several", () => {
  const one = numbers(1);
  const two = numbers();
  for (let i = 0; i < 200; i++) {
    one.learn([i % 10, 3], i % 10);
    two.learn([i % 10, 3], [i % 10, -(i % 10)]);
  }
  assert.ok(Math.abs(one.predict([5, 3]) - 5) < 1);
  assert.equal(two.predict([5, 3]).length, 2);
  refused(one, TypeError, "predictProba needs classes", () => one.predictProba([5, 3]));
});

test("a sample of one value may be a number", () => {
  const [one, list] = [new tp.Model(1, [tp.Dense(2)], { replay: 60 }), new tp.Model(1, [tp.Dense(2)], { replay: 60 })];
  for (let i = 0; i < 60; i++) {
    one.learn(i % 7, i % 2);
    list.learn([i % 7], i % 2);
  }
  assert.equal(one.predict(5), list.predict([5]));
  assert.deepEqual(one.predictProba(5), list.predictProba([5]));
  assert.equal(one.knows(500), list.knows([500]));
  assert.equal(one.evaluate(5, one.predict(5)), 1);
  assert.equal(one.learnMany(5, 1), list.learnMany([5], [1]));
  assert.deepEqual(one.save(true), list.save(true));
  refused(
    one,
    RangeError,
    "x holds a NaN, an infinity, or a number beyond 3.4e+38: x is NaN. Leave such samples out",
    () => one.learn(NaN, 0),
  );
  const [normal, same] = [new tp.Anomaly(1), new tp.Anomaly(1)];
  for (let i = 0; i < 70; i++) {
    normal.learn(i % 7);
    same.learn([i % 7]);
  }
  assert.equal(normal.score(9), same.score([9]));
  assert.deepEqual(normal.save(), same.save());
});

test("x is refused", () => {
  const model = small();
  model.learn(SIX, 0);
  for (const call of [(x) => model.learn(x, 1), (x) => model.predict(x), (x) => model.predictProba(x)]) {
    refused(model, RangeError, "x has 5 values, expected 6", () => call(SIX.slice(1)));
    refused(model, RangeError, "x has 0 values, expected 6", () => call(new Uint8Array(0)));
    refused(
      model,
      RangeError,
      "x holds a NaN, an infinity, or a number beyond 3.4e+38: x[5] is NaN. Leave such samples out",
      () => call([1, 2, 3, 4, 5, NaN]),
    );
    refused(
      model,
      RangeError,
      "x holds a NaN, an infinity, or a number beyond 3.4e+38: x[5] is -Infinity. Leave such samples out",
      () => call(Float32Array.of(1, 2, 3, 4, 5, -Infinity)),
    );
    refused(model, TypeError, 'x[5] is "6", expected a number', () => call([1, 2, 3, 4, 5, "6"]));
    refused(model, TypeError, 'x is "abcdef", expected', () => call("abcdef"));
    refused(model, TypeError, "x is null, expected", () => call(null));
    refused(model, TypeError, "x is undefined, expected", () => call());
    refused(model, TypeError, "x is 5, expected", () => call(5));
    refused(model, TypeError, "x is a Object, expected", () => call({}));
    refused(model, TypeError, "x is a Float64Array, expected", () => call(Float64Array.from(SIX)));
    refused(model, TypeError, "x is a DataView, expected", () => call(new DataView(new ArrayBuffer(6))));
  }
});

test("y is refused", () => {
  const model = small();
  const expected = "expected a class number, 0 to 2";
  for (const y of [3, -1, 1e9, 2 ** 40]) {
    refused(model, RangeError, `y is ${y}, ${expected}`, () => model.learn(SIX, y));
  }
  for (const y of [1.5, null, undefined]) {
    refused(model, TypeError, `y is ${JSON.stringify(y)}, expected a class number`, () => model.learn(SIX, y));
  }
  const two = [SIX, SIX];
  refused(model, RangeError, `y is 3, ${expected}`, () => model.learnMany(two, [0, 3]));
  refused(model, RangeError, `y is 7, ${expected}`, () => model.learnMany(two, Uint8Array.of(0, 7)));
  refused(model, RangeError, `y is -1, ${expected}`, () => model.learnMany(two, ["up", -1]));
  refused(model, RangeError, "y has 1 values, expected 2: 1 for each of 2 samples", () => model.learnMany(two, [0]));
  const oneHot = [0, 1, 0];
  const expectedOne = "expected a class number, such as y";
  refused(model, TypeError, `y is a Array, ${expectedOne}.indexOf(1)`, () => model.learn(SIX, oneHot));
  refused(model, TypeError, `y[0] is [0,1,0], ${expectedOne}[0].indexOf(1)`, () =>
    model.learnMany(two, [oneHot, oneHot]),
  );
  refused(model, TypeError, "y[1] is null, expected a class number", () => model.learnMany(two, [0, null]));
  refused(model, TypeError, "y is null, expected a typed array or a list of 2", () => model.learnMany(two, null));
  const many = numbers();
  refused(many, RangeError, "y has 1 values, expected 2", () => many.learn([1, 2], 1));
  refused(many, TypeError, "y[1] is null, expected a number", () => many.learn([1, 2], [1, null]));
  refused(
    many,
    RangeError,
    "y holds a NaN, an infinity, or a number beyond 3.4e+38: y[1] is NaN. Leave such samples out",
    () => many.learn([1, 2], [1, NaN]),
  );
});

test("rows of a sample may be lists of their own", () => {
  const picture = [
    [[1, 2], [3, 4], Uint8Array.of(5, 6)],
    [[7, 8], [9, 10], Float32Array.of(11, 12)],
  ];
  const inARow = Array.from({ length: 12 }, (_, i) => i + 1);
  for (const [shape, x, samples] of [
    [[2, 3, 2], picture, [picture, picture]],
    [[6, 2], picture.flat(), [[inARow], [inARow]]],
    [12, [inARow.slice(0, 6), inARow.slice(6)], [picture, picture]],
    [[1, 12, 1], [inARow.map((value) => [value])], [inARow.map((value) => [value]), inARow]],
  ]) {
    const [nested, plain] = [0, 1].map(() => new tp.Model(shape, [tp.Dense(3)], { replay: 9 }));
    for (const [model, one, many] of [
      [nested, x, samples.slice(0, 1)],
      [plain, inARow, [inARow]],
    ]) {
      model.learn(one, 1);
      model.learnMany(many, [1]);
      assert.equal(model.evaluate(many, [1]), 1);
      assert.equal(model.predict(one), 1);
      assert.ok(model.knows(one));
    }
    assert.deepEqual(nested.save(true), plain.save(true));
  }
});

test("rows that do not fit are named and change nothing", () => {
  const model = new tp.Model([3, 2], [tp.Dense(3)]);
  const good = [
    [1, 2],
    [3, 4],
    [5, 6],
  ];
  const [first, second, third] = good;
  for (const [kind, words, x] of [
    [RangeError, "x is of shape [2, 3], expected [3, 2]", [SIX.slice(3), SIX.slice(3)]],
    [RangeError, "x is of shape [2, 2], expected [3, 2]", [first, second]],
    [RangeError, "x[2] has 1 values, expected 2", [first, second, [5]]],
    [TypeError, "x[1] is 3, expected a list of 2", [first, 3, third]],
    [TypeError, "x[1][1] is null, expected a number", [first, [3, null], third]],
  ]) {
    refused(model, kind, words, () => model.learn(x, 0));
    refused(model, kind, words, () => model.predict(x));
  }
  for (const [kind, words, x] of [
    [RangeError, "x[1] has 2 values, expected 3", [good, [first, second]]],
    [
      RangeError,
      "x is of shape [2, 2, 2], expected [2, 3, 2]",
      [
        [first, second],
        [first, second],
      ],
    ],
    [TypeError, 'x[1][2][1] is "6", expected a number', [good, [first, second, [5, "6"]]]],
    [TypeError, "x[1] is 5, expected a list of 3", [good, 5]],
  ]) {
    refused(model, kind, words, () => model.learnMany(x, [0, 1]));
  }
  for (const value of [NaN, 1e300]) {
    const x = [first, second, [5, value]];
    refused(
      model,
      RangeError,
      `x holds a NaN, an infinity, or a number beyond 3.4e+38: x[5] is ${String(value)}. Leave such samples out`,
      () => model.learn(x, 0),
    );
    const words = `x holds a NaN, an infinity, or a number beyond 3.4e+38: x[1][5] is ${String(value)}`;
    refused(model, RangeError, words, () => model.learnMany([good, x], [0, 0]));
    refused(model, RangeError, words, () => model.learnMany([good.flat(), x.flat()], [0, 0]));
  }
});

test("what is normal may be lists within lists", () => {
  const [nested, plain] = [new tp.Anomaly(3), new tp.Anomaly(3)];
  for (let i = 0; i < 70; i++) {
    nested.learn([[i % 7, i % 5, 1]]);
    plain.learn([i % 7, i % 5, 1]);
  }
  assert.equal(nested.score([[9, 9, 9]]), plain.score([9, 9, 9]));
  assert.deepEqual(nested.save(), plain.save());
});

test("samples of the wrong length are named", () => {
  const model = small();
  refused(model, RangeError, "x[1] has 5 values, expected 6", () => model.learnMany([SIX, SIX.slice(1)], [0, 1]));
  refused(model, TypeError, "x[1] is null, expected a number or a list of 6", () =>
    model.learnMany([SIX, null], [0, 1]),
  );
  const bad = [1, 2, 3, 4, 5, "6"];
  refused(model, TypeError, 'x[1][5] is "6", expected a number', () => model.learnMany([SIX, bad], [0, 1]));
  refused(model, TypeError, 'x[1] is "abcdef", expected a number or', () => model.learnMany([SIX, "abcdef"], [0, 1]));
  const two = numbers();
  refused(two, TypeError, "y[1][0] is null, expected a number", () =>
    two.learnMany(
      [
        [1, 2],
        [3, 4],
      ],
      [
        [1, 2],
        [null, 4],
      ],
    ),
  );
  refused(model, RangeError, "x has 8 values, expected a multiple of 6", () => model.learnMany(new Uint8Array(8), [0]));
});

test("what has learned nothing yet knows no range", () => {
  const model = new tp.Model(2, [tp.Dense(2)]);
  assert.equal(model.inputRange, null);
  refused(model, RangeError, "no inputRange is known", () => model.predict([1, 2]));
  for (const [range, unknown] of [
    [null, "inputRange or outputRange"],
    [[0, 1], "outputRange"],
  ]) {
    const line = new tp.Model(2, [tp.Dense(1)], { loss: "mse", inputRange: range });
    refused(line, RangeError, `no ${unknown} is known: learn first`, () => line.predict([1, 2]));
  }
});

test("a range that begins anew says nothing at first", () => {
  const model = new tp.Model(2, [tp.Dense(2)]);
  for (let i = 0; i < 60; i++) {
    model.learn([i % 7, i % 5], i % 2);
  }
  model.inputRange = null;
  for (let i = 0; i < 50; i++) {
    assert.ok(!model.check().some((sentence) => /never|moved/.test(sentence)), model.check());
    model.learn([i, 0], i % 2);
  }
  assert.ok(model.check()[0].startsWith("Value 1 of x has not moved"), model.check());
});

test("names of classes come with what is taught", () => {
  const model = small();
  assert.deepEqual(model.classes, [null, null, null]);
  model.learn(SIX, "up");
  assert.equal(model.predict(SIX), "up");
  refused(model, TypeError, "y[1] is null, expected a class number or its name", () =>
    model.learnMany([SIX, SIX], ["up", null]),
  );
  const many = ["down", 2, "side"];
  refused(model, RangeError, 'y[2] is "side", a new class, and each of the 3 outputs has one: up, down, 2', () =>
    model.learnMany([SIX, SIX, SIX], many),
  );
  refused(model, RangeError, "x has 1 values", () => model.learn([1], "down"));
  refused(model, RangeError, "evaluate needs one sample or more, and x has none", () => model.evaluate([], []));
  assert.deepEqual(model.classes, ["up", null, null]);
  model.learnMany([SIX, [9, 9, 9, 9, 9, 9]], ["up", "down"]);
  refused(model, RangeError, 'y is "side", expected one of the classes, up, down', () =>
    model.evaluate([SIX], ["side"]),
  );
  model.learn(SIX, 2);
  refused(model, RangeError, 'y is "side", a new class, and each of the 3 outputs has one: up, down, 2. Make a', () =>
    model.learn(SIX, "side"),
  );
  for (const [name, alike] of [
    ["Up ", "up"],
    ["donw", "down"],
  ]) {
    const words = `y is "${name}", a new class, and each of the 3 outputs has one: up, down, 2. Is it "${alike}"? Else make`;
    refused(model, RangeError, words, () => model.learn(SIX, name));
  }
  refused(model, TypeError, "y is 302.5, expected a class number, or a model of numbers", () =>
    model.learn(SIX, 302.5),
  );
  assert.deepEqual(tp.load(model.save()).classes, ["up", "down", null]);
  const given = small({ classes: ["a", "b"] });
  given.learn(SIX, "b");
  assert.deepEqual(given.classes, ["a", "b", null]);
});

test("outputs to spare are no answer", () => {
  const model = new tp.Model(1, [tp.Dense(5)], { inputRange: [0, 10] });
  model.learn([1], "low");
  model.learn([9], "high");
  for (let x = 0; x <= 10; x++) {
    assert.ok(["low", "high"].includes(model.predict([x])));
  }
});

test("settings that cannot be", () => {
  const dense = [tp.Dense(2)];
  for (const [kind, words, make] of [
    [TypeError, "Model has no setting input_range", () => new tp.Model(2, dense, { input_range: [0, 1] })],
    [TypeError, "Dense has no setting relu", () => tp.Dense(2, { relu: true })],
    [RangeError, 'activation is "reul", expected one of', () => tp.Dense(2, { activation: "reul" })],
    [RangeError, "units is 0, expected an integer of 1 to 65534", () => tp.Dense(0)],
    [RangeError, "inputShape is 1.5, expected an integer of 1 to", () => new tp.Model(1.5, dense)],
    [RangeError, "inputShape is [1,2,3,4], expected", () => new tp.Model([1, 2, 3, 4], dense)],
    [RangeError, "number of layers is 0", () => new tp.Model(2, [])],
    [RangeError, 'a layer is "Dense", expected', () => new tp.Model(2, ["Dense"])],
    [RangeError, "lr is 2, expected", () => new tp.Model(2, dense, { lr: 2 })],
    [RangeError, "replay is 1, expected 2 or more", () => new tp.Model(2, dense, { replay: 1 })],
    [TypeError, 'classes is "a", expected a list of names', () => new tp.Model(2, dense, { classes: "a" })],
    [RangeError, 'classes has "a" twice', () => new tp.Model(2, dense, { classes: ["a", "a"] })],
    [RangeError, "classes has 3 names, expected at most 2", () => new tp.Model(2, dense, { classes: ["a", "b", "c"] })],
    [
      RangeError,
      'classes[0] is "", expected a name of 1 to 255 bytes',
      () => new tp.Model(2, dense, { classes: [""] }),
    ],
    [
      RangeError,
      `classes[0] is "${"w".repeat(99)}.., expected a name of 1 to 255 bytes in UTF-8: it has 300`,
      () => new tp.Model(2, dense, { classes: ["w".repeat(300)] }),
    ],
    [
      RangeError,
      'classes[0] is "\\ud83d", expected a name of whole letters',
      () => new tp.Model(2, dense, { classes: ["\ud83d", "\ud83e"] }),
    ],
    [TypeError, "classes[0] is 1, expected a name", () => new tp.Model(2, dense, { classes: [1] })],
    [RangeError, "seed is -1, expected", () => new tp.Model(2, dense, { seed: -1 })],
    [RangeError, "inputRange is [2,1], expected", () => new tp.Model(2, dense, { inputRange: [2, 1] })],
    [RangeError, "outputRange is [0,1], expected null", () => new tp.Model(2, dense, { outputRange: [0, 1] })],
    [
      RangeError,
      `the last layer is Dense(2, { activation: "relu" }), expected a linear Dense`,
      () => new tp.Model(2, [tp.Dense(2, { activation: "relu" })]),
    ],
    [RangeError, "the last layer has 1 unit", () => new tp.Model(2, [tp.Dense(1)])],
    [
      RangeError,
      "layer 0: Conv2D(2, 3) does not fit an input of 1 x 1 x 2 (height, width, channels): for a series, [length,",
      () => new tp.Model(2, [tp.Conv2D(2, 3), ...dense]),
    ],
    [RangeError, "layer 0: Dense(65534) makes the model", () => new tp.Model(60000, [tp.Dense(65534), ...dense])],
    [RangeError, "least is 0.5, expected 0 to 0.1", () => tp.Adaptive({ ratio: 0.1, least: 0.5 })],
    [RangeError, "skip is 2, expected 0 to 1", () => tp.Diffused({ skip: 2 })],
  ]) {
    assert.throws(make, (error) => error.constructor === kind && error.message.startsWith(words), words);
  }
});

test("a setting that is undefined is as if it was left away", () => {
  const names = ["loss", "lr", "policy", "inputRange", "outputRange", "replay", "seed", "classes"];
  const settings = Object.fromEntries(names.map((name) => [name, undefined]));
  const dense = tp.Dense(2, { activation: undefined, trainable: undefined });
  assert.deepEqual(new tp.Model(2, [dense], settings).save(), new tp.Model(2, [tp.Dense(2)]).save());
  assert.equal(String(tp.TopK({ ratio: undefined })), String(tp.TopK()));
  assert.throws(() => tp.Dense(2, { relu: undefined }), /^TypeError: Dense has no setting relu/);
});

test("settings that can be changed", () => {
  const model = new tp.Model(6, [tp.Dense(3)]);
  model.learn(SIX, 0);
  assert.equal(model.lr, null);
  model.lr = 0.1;
  assert.ok(Math.abs(model.lr - 0.1) < 0.003);
  model.lr = null;
  assert.equal(model.lr, null);
  model.inputRange = null;
  assert.equal(model.inputRange, null);
  refused(model, RangeError, "lr is 0, expected", () => (model.lr = 0));
  refused(model, RangeError, "lr is undefined, expected", () => (model.lr = undefined));
  refused(model, RangeError, "inputRange is [0,1], expected null", () => (model.inputRange = [0, 1]));
  refused(model, TypeError, "Cannot add property rate", () => (model.rate = 1));
});

test("layers are written as they are made", () => {
  for (const text of [
    'Dense(3, { activation: "tanh", trainable: false })',
    'Conv2D(3, [3, 2], { strides: 2, padding: "same" })',
    'Conv1D(4, 3, { activation: "relu" })',
    "DepthwiseConv2D(3)",
    "MaxPool2D(2)",
    "MaxPool1D(3)",
    "AvgPool2D([2, 1])",
    "AvgPool1D(2)",
    "GlobalAvgPool2D()",
  ]) {
    const make = new Function("tp", `return tp.${text}`);
    assert.equal(String(make(tp)), text);
  }
});

test("a file that is damaged is refused", () => {
  const model = small({ replay: 9 });
  for (let i = 0; i < 20; i++) {
    model.learn(
      SIX.map((v) => v * i),
      i % 3,
    );
  }
  for (const file of [model.save(), model.save(true)]) {
    const buffer = Buffer.from(file);
    assert.equal(tp.load(buffer).predict(SIX), model.predict(SIX));
    assert.deepEqual(new Uint8Array(buffer), file);
    assert.equal(tp.load(file.slice().buffer).predict(SIX), model.predict(SIX));
    for (let n = 0; n < file.length; n += 13) {
      assert.throws(() => tp.load(file.slice(0, n)), RangeError);
      const bad = file.slice();
      bad[n] ^= 1;
      assert.throws(() => tp.load(bad), RangeError);
    }
  }
  assert.throws(() => tp.load("m.tp"), TypeError);
  assert.throws(() => tp.load(new Uint8Array(0)), /empty/);
});

// A file of small() that has these bytes as its names.
function withNames(bytes, n = bytes.length) {
  const content = small().save().slice(0, -4);
  content[4] = 6; // the version with names
  const file = new Uint8Array([...content, ...bytes, ...new Uint8Array(new Uint32Array([n, 0]).buffer)]);
  new DataView(file.buffer).setUint32(file.length - 4, crc32(file.subarray(0, -4)), true);
  return file;
}

test("names of classes are kept", () => {
  assert.deepEqual(small().classes, [null, null, null]);
  const file = new Uint8Array(fs.readFileSync(new URL("../golden/version_6_names.tp", import.meta.url)));
  const model = tp.load(file);
  assert.deepEqual(model.classes, ["día", "tarde", "noche", null]);
  assert.deepEqual(model.save(), file);
  assert.ok(model.classes.includes(model.predict([1, 2, 3])));
  assert.deepEqual(tp.load(withNames([1, 97, 0, 2, 98, 99])).classes, ["a", null, "bc"]);
});

test("names that no model has are refused", () => {
  for (const bytes of [
    [],
    [0, 0, 0],
    [1, 97, 1, 98],
    [1, 97, 1, 98, 0, 0],
    [1, 97, 1, 98, 1, 97],
    [1, 97, 1, 98, 3, 99],
    [1, 97, 1, 98, 2, 255, 255],
  ]) {
    assert.throws(() => tp.load(withNames(bytes)), /damaged/);
  }
  for (const n of [0, 1, 5, 7, 1000, 0x7fffffff, 0xffffffff]) {
    assert.throws(() => tp.load(withNames([1, 97, 0, 2, 98, 99], n)), RangeError);
  }
});

test("a file that was made on purpose is refused, or works if not well", () => {
  const model = small({ replay: 9, inputRange: null, classes: ["a name"] });
  for (let i = 0; i < 20; i++) {
    model.learn(
      SIX.map((v) => v * i),
      i % 3,
    );
  }
  const file = model.save(true);
  const seed = Number(process.env.TINYPROP_SEED ?? 1);
  console.log(`TINYPROP_SEED=${seed}`);
  let random = seed;
  const below = (n) => (random = (random * 48271) % 2147483647) % n;
  let loaded = 0;
  for (let i = 0; i < 3000; i++) {
    const bad = file.slice();
    for (let k = 0; k <= below(3); k++) {
      bad[below(2) ? below(100) : below(bad.length)] = below(3) ? below(256) : 255;
    }
    new DataView(bad.buffer).setUint32(bad.length - 4, crc32(bad.subarray(0, -4)), true);
    let made;
    try {
      made = tp.load(bad);
    } catch (error) {
      assert.match(error.message, /^(the file |a model of version )/, error.stack);
      continue;
    }
    loaded += 1;
    const x = new Float32Array(made._nIn);
    made.learn(x, made._mse ? new Float32Array(made._nOut) : 0);
    made.predict(x);
    made.check();
    made.stats();
    made.summary();
    made.reset();
  }
  assert.ok(loaded > 100, loaded);
});

test("what it knows", () => {
  const model = small({ replay: 60 });
  for (let i = 0; i < 90; i++) {
    const x = [i % 9, i % 7, i % 5, i % 3, i % 2, 0];
    x[i % 3] += 150;
    model.learn(x, i % 3);
  }
  assert.equal(model.knows(Uint8Array.of(153, 4, 2, 1, 1, 0)), true);
  assert.equal(model.knows([0, 0, 0, 199, 199, 199]), false);
  refused(model, RangeError, "x has 5 values, expected 6", () => model.knows(SIX.slice(1)));
  refused(model, TypeError, "x is null, expected", () => model.knows(null));
  refused(model, TypeError, "x is 5, expected", () => model.knows(5));
  refused(small(), RangeError, "knows() compares x with remembered samples: make", () => small().knows(SIX));
  const forgetful = tp.load(model.save());
  refused(forgetful, RangeError, "knows() compares x with remembered samples, and", () => forgetful.knows(SIX));
});

test("what it knows is found anew after a tenth more samples", () => {
  const model = new tp.Model(2, [tp.Dense(2)], { replay: 80, inputRange: [0, 255] });
  const learn = (from, to) => {
    for (let i = from; i < to; i++) {
      model.learn([7, (i * i) % 90], 0);
    }
  };
  learn(0, 10);
  const early = model.knows([7, 220]);
  learn(10, 30);
  const once = tp.load(model.save(true));
  for (let i = 0; i < 256; i += 5) {
    assert.equal(model.knows([7, i]), once.knows([7, i]));
  }
  assert.equal(early, false);
});

test("how far it reached counts no more once samples are forgotten", () => {
  for (const forget of [(m) => (m.inputRange = null), (m) => m.setWeights(0, [1, -1, 0, 1, 1, 0], [0, 0, 0])]) {
    const model = new tp.Model(2, [tp.Dense(3, { trainable: false }), tp.Dense(2)], { replay: 80 });
    const learn = (steps, far) => {
      for (let i = 0; i < steps; i++) {
        model.learn([7 + (i % 2), far * (i % 10)], 0);
      }
    };
    learn(400, 20);
    model.knows([7, 40]);
    forget(model);
    learn(40, 1);
    const loaded = tp.load(model.save(true));
    for (let i = 0; i < 200; i += 4) {
      assert.equal(model.knows([7, i]), loaded.knows([7, i]));
    }
  }
});

test("weights that are given", () => {
  const model = small();
  const nested = SIX.map((v) => Array.from({ length: 5 }, (_, unit) => (v - unit) / 8));
  model.setWeights(0, nested, Float32Array.of(0, 1, -1, 0.5, 2));
  const { weights, biases } = model.weights(0);
  assert.deepEqual([...weights], nested.flat());
  assert.deepEqual([...biases], [0, 1, -1, 0.5, 2]);
  const same = small();
  same.setWeights(0, weights, [[0, 1, -1, 0.5, 2]]);
  assert.deepEqual(same.save(true), model.save(true));
  const five = [0, 0, 0, 0, 0];
  refused(model, RangeError, "weights has 29 numbers, expected 30", () => model.setWeights(0, weights.slice(1), five));
  refused(model, RangeError, "biases has 4 numbers, expected 5", () => model.setWeights(0, weights, five.slice(1)));
  const rows = "has rows of 6, expected of 5, one for each unit: [input][unit] in a Dense";
  const turned = Array.from({ length: 5 }, (_, unit) => nested.map((row) => row[unit]));
  refused(model, RangeError, `weights ${rows}`, () => model.setWeights(0, turned, five));
  refused(model, RangeError, `weights ${rows}`, () =>
    model.setWeights(0, [turned.map((row) => Float32Array.from(row))], five),
  );
  refused(model, RangeError, "biases has rows of 1, expected of 5", () =>
    model.setWeights(0, weights, [[0], 0, 0, 0, 0]),
  );
  refused(model, RangeError, "one of biases is NaN", () => model.setWeights(0, weights, [0, 0, NaN, 0, 0]));
  refused(model, RangeError, "one of biases is Infinity", () => model.setWeights(0, weights, [0, 0, 1e39, 0, 0]));
  refused(model, RangeError, "layer 0 has weights up to 1e+06 and", () => model.setWeights(0, weights.fill(1e6), five));
  refused(model, TypeError, 'one of biases is "1"', () => model.setWeights(0, weights, [0, 0, "1", 0, 0]));
  refused(model, TypeError, "weights is null, expected", () => model.setWeights(0, null, five));
  refused(model, RangeError, "i is 2, expected the number of a layer", () => model.setWeights(2, weights, five));
});

test("a reading is within its bounds before it is rounded", () => {
  const window = new tp.Window(2, { scale: 1 });
  for (const reading of [32767.4, -32768.3, 1e6]) {
    assert.throws(
      () => window.push(reading),
      new RegExp(`^RangeError: a reading is ${reading}, expected -32768 to 32767: a smaller scale takes more`),
    );
  }
  window.push(32766.6);
  assert.ok(window.push(-32767.6));
  assert.deepEqual([...window.features].slice(2, 4), [-32768, 32767]);
});

test("what is no anomaly, and no sample of one", () => {
  const anomaly = new tp.Anomaly(3);
  for (let i = 0; i < 70; i++) {
    anomaly.learn([i % 7, i % 5, i % 3]);
  }
  const before = anomaly.save();
  for (const call of [(x) => anomaly.learn(x), (x) => anomaly.score(x)]) {
    assert.throws(() => call([1, 2]), /^RangeError: x has 2 values, expected 3$/);
    assert.throws(() => call([1, 2, NaN]), /^RangeError: x holds a NaN/);
    assert.throws(() => call("abc"), /^TypeError: x is "abc", expected/);
  }
  assert.deepEqual(anomaly.save(), before);
  assert.throws(() => tp.load(before), /^RangeError: the file has more than a Model: Anomaly.load may read it$/);
  const model = anomaly.model.save();
  assert.throws(() => tp.Anomaly.load(model), /^RangeError: the file has a Model, which load reads, and no Anomaly$/);
  for (const hidden of [[], 3, [0]]) {
    assert.throws(() => new tp.Anomaly(3, { hidden }), RangeError);
  }
});

test("a thousand models at a time", () => {
  const models = Array.from({ length: 1000 }, (_, seed) => small({ seed }));
  models.forEach((model) => model.learn(SIX, 1));
  assert.equal(models.filter((model) => model.stats().steps === 1).length, 1000);
});
