// What a model needs once, or when somebody asks: layers and policies to build it from, checks of what was given,
// summaries, errors in words. It is tinyprop_layers.py, _words, _state and _check once more, the same functions.

import { Image, SHAPE, layout, letterOf } from "./core.js";
import { crc32 } from "./crc32.js";
import * as format from "./format.js";

const FIRST_LR = 0.3; // what rates that find themselves start from (core/rate.c)
const ONE = 2 ** 28; // 1.0 of what is counted in Q.28
const DEAD_AFTER = 64; // samples on which a unit did not fire
const START = 256; // steps + START is what found rates fall with,
const SETTLED = 768; // up to here,
const SETTLED_MSE = 3072; // or with mse (core/rate.c)
const SOME = 50; // samples, before which nothing is wrong yet
const SENSORS = 32; // so few values of x may be sensors; pictures have corners that stay black
const STILL = 1.125; // energy of inputs that do not move: 1, and what rounding leaves
const MOST = 3.4e38; // where float32 ends
// Of weights that somebody set and that learn for the first time: far above that of most inputs, so the first steps are small.
const ENERGY_UNKNOWN = 4096;
const MOST_DOUBT = 1 << 14;
const FAR = 0xffffffff; // as far as a place of which nothing is remembered
const GUESS = 0.3; // error of guessing numbers in a given range, as a share of half of it

export function wrong(name, value, expected) {
  throw new RangeError(`${name} is ${shown(value)}, expected ${expected}`);
}

function shown(value) {
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
}

function choice(name, value, choices) {
  if (!choices.includes(value)) {
    wrong(name, value, `one of ${choices.join(", ")}`);
  }
  return choices.indexOf(value);
}

// [height, width] of a kernel or stride that is given as one number or as two.
function pair(name, value) {
  const both = Array.isArray(value) ? value : [value, value];
  if (both.length !== 2) {
    wrong(name, value, "one number or two");
  }
  return both.map((n) => count(name, n, 255));
}

export function count(name, value, most = format.MAX_VALUES, least = 1) {
  if (!Number.isInteger(value) || value < least || value > most) {
    wrong(name, value, `an integer of ${least} to ${most}`);
  }
  return value;
}

// The settings that were given, or what they are by default. A name that is misspelt is an error.
function settingsOf(what, given, defaults) {
  for (const name of Object.keys(given)) {
    if (!(name in defaults)) {
      throw new TypeError(`${what} has no setting ${name}; there are: ${Object.keys(defaults).join(", ")}`);
    }
  }
  return { ...defaults, ...given };
}

// A number of a model: u1 .. u4, u8 as numbers of JavaScript, i1 .. i4, f4.
export function numberAt(view, type, at) {
  switch (type) {
    case "u1":
      return view.getUint8(at);
    case "i1":
      return view.getInt8(at);
    case "u2":
      return view.getUint16(at, true);
    case "i2":
      return view.getInt16(at, true);
    case "u4":
      return view.getUint32(at, true);
    case "i4":
      return view.getInt32(at, true);
    case "f4":
      return view.getFloat32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

function numbersAt(view, type, at, n) {
  return Array.from({ length: n }, (_, i) => numberAt(view, type, at + Number(type[1]) * i));
}

// ---- layers: each has its spec, the bytes that a model and a file hold

class Layer {
  constructor(kind, units, kernel, strides, { padding = "valid", activation = "linear", trainable = true }) {
    this.spec = new Uint8Array(format.LAYER_SPEC_BYTES);
    this.spec.set([kind, choice("activation", activation, format.ACTIVATION_NAMES), Boolean(trainable)]);
    this.spec.set([choice("padding", padding, ["valid", "same"]), ...kernel, ...strides], 3);
    new DataView(this.spec.buffer).setUint16(format.LAYER_SPEC_UNITS, units, true);
  }

  toString() {
    return layerText(new DataView(this.spec.buffer), 0);
  }
}

function sizeText(height, width) {
  return height === width ? String(height) : `[${height}, ${width}]`;
}

function shapeText([height, width, channels]) {
  return height === 1 && width === 1 ? String(channels) : `${height} x ${width} x ${channels}`;
}

// A layer as it is written in JavaScript, from its spec at an offset.
export function layerText(view, at) {
  const [kind, activation, trainable, same, ...sizes] = numbersAt(view, "u1", at, 8);
  let [height, width, down, right] = sizes;
  const units = numberAt(view, "u2", at + format.LAYER_SPEC_UNITS);
  let name = ["Dense", "Conv2D", "DepthwiseConv2D", "MaxPool2D", "AvgPool2D"][kind];
  if (kind === format.CONV && height === 1 && down === 1 && width > 1) {
    [name, height, down] = ["Conv1D", width, right];
  }
  const args = [];
  const settings = [];
  if (units) {
    args.push(units);
  }
  if (height) {
    args.push(sizeText(height, width));
  } else if (kind === format.AVGPOOL) {
    name = "GlobalAvgPool2D";
  }
  if (format.CONV <= kind && kind <= format.DEPTHWISE && down * right !== 1) {
    settings.push(`strides: ${sizeText(down, right)}`);
  }
  if (same) {
    settings.push('padding: "same"');
  }
  if (activation) {
    settings.push(`activation: "${format.ACTIVATION_NAMES[activation]}"`);
  }
  if (!trainable) {
    settings.push("trainable: false");
  }
  if (settings.length) {
    args.push(`{ ${settings.join(", ")} }`);
  }
  return `${name}(${args.join(", ")})`;
}

// A layer of `units` outputs, each of which sees every input (of any shape).
//
// activation: "linear", "relu", "sigmoid" or "tanh". trainable: false keeps its weights.
export function Dense(units, settings = {}) {
  const all = settingsOf("Dense", settings, { activation: "linear", trainable: true });
  return new Layer(format.DENSE, count("units", units), [0, 0], [0, 0], all);
}

const OF_CONVOLUTIONS = { strides: 1, padding: "valid", activation: "linear", trainable: true };

// `filters` small patterns, kernelSize high and wide, matched all over the input.
//
// Input [height, width, channels], output [height, width, filters]. kernelSize and strides are one number or
// [height, width]; padding "valid" or "same", as in Keras.
export function Conv2D(filters, kernelSize, settings = {}) {
  const all = settingsOf("Conv2D", settings, OF_CONVOLUTIONS);
  const kernel = pair("kernelSize", kernelSize);
  return new Layer(format.CONV, count("filters", filters), kernel, pair("strides", all.strides), all);
}

// Conv2D for a series: input [length, channels], output [length, filters].
export function Conv1D(filters, kernelSize, settings = {}) {
  const { strides = 1, ...rest } = settings;
  return Conv2D(filters, [1, kernelSize], { ...rest, strides: [1, strides] });
}

// A Conv2D of one filter for each channel, which sees that channel alone.
export function DepthwiseConv2D(kernelSize, settings = {}) {
  const all = settingsOf("DepthwiseConv2D", settings, OF_CONVOLUTIONS);
  return new Layer(format.DEPTHWISE, 0, pair("kernelSize", kernelSize), pair("strides", all.strides), all);
}

// The largest value of each window of poolSize, one number or [height, width].
export function MaxPool2D(poolSize = 2) {
  const size = pair("poolSize", poolSize);
  return new Layer(format.MAXPOOL, 0, size, size, {});
}

// The mean of each window of poolSize, one number or [height, width]; [1, 2] for a series.
export function AvgPool2D(poolSize = 2) {
  const size = pair("poolSize", poolSize);
  return new Layer(format.AVGPOOL, 0, size, size, {});
}

// The mean of each channel over the whole input.
export function GlobalAvgPool2D() {
  return new Layer(format.AVGPOOL, 0, [0, 0], [0, 0], {});
}

// ---- policies: which samples to learn from, and which errors to select (docs/method.md)

class Policy {
  // settings: as the user gave them, shares of 0 to 1
  constructor(name, settings, kind, { sMin = 0, sMax = 0, zeta = 1, skip = 0 } = {}) {
    for (const [setting, value] of Object.entries(settings)) {
      if (!(value >= 0 && value <= 1)) {
        wrong(setting, value, "0 to 1");
      }
    }
    const args = Object.entries(settings).map(([setting, value]) => `${setting}: ${value}`);
    this.text = args.length ? `${name}({ ${args.join(", ")} })` : `${name}()`;
    const q15 = [sMin, sMax, zeta].map((value) => Math.trunc(value * (1 << 15) + 0.5));
    this.spec = [kind, ...q15, Math.trunc(skip * (1 << 14) + 0.5)];
  }

  toString() {
    return this.text;
  }
}

// Learns from every error of every sample: the usual back-propagation.
export function Full() {
  return new Policy("Full", {}, format.FULL);
}

// Selects the largest errors of a layer, always the same share (meProp, arXiv 1706.06197).
export function TopK(settings = {}) {
  const all = settingsOf("TopK", settings, { ratio: 0.25 });
  return new Policy("TopK", all, format.TOPK, { sMin: all.ratio, sMax: all.ratio });
}

// Selects a share of the largest errors that grows with their size (arXiv 2308.09201).
//
// sMin .. sMax: that share, from no error to the largest one seen; zeta: multiplies it once per layer further down.
export function TinyProp(settings = {}) {
  const all = settingsOf("TinyProp", settings, { sMin: 0, sMax: 1, zeta: 1 });
  return new Policy("TinyProp", all, format.TOPK, all);
}

// TinyProp, and samples that are known already cost no backward pass (arXiv 2409.07109).
//
// skip: a sample is skipped when its error is below this share of the largest; with crossentropy, when its class has a
// probability of 1 - skip or more.
export function TinyPropV2(settings = {}) {
  const all = settingsOf("TinyPropV2", settings, { sMin: 0, sMax: 1, zeta: 1, skip: 0.1 });
  return new Policy("TinyPropV2", all, format.TOPK, all);
}

// Selects a share of the errors on average; the small ones add up until they count.
//
// ratio: that share; skip: as in TinyPropV2, but with loss: "mse" no sample is skipped.
export function Diffused(settings = {}) {
  const all = settingsOf("Diffused", settings, { ratio: 0.14, skip: 0.1 });
  return new Policy("Diffused", all, format.DIFFUSED, { sMin: all.ratio, skip: all.skip });
}

// Diffused with a share that follows the error: up to half while there is much to learn.
//
// ratio: the share of all the work of Full that it may take in the long run; least: the share that is always selected, at
// most ratio; skip: as in Diffused.
export function Adaptive(settings = {}) {
  const all = settingsOf("Adaptive", settings, { ratio: 0.14, least: 0.1, skip: 0.1 });
  const shares = { sMin: all.least, sMax: all.ratio, skip: all.skip };
  const policy = new Policy("Adaptive", all, format.DIFFUSED, shares);
  if (all.ratio === 0) {
    wrong("ratio", all.ratio, "above 0");
  }
  if (all.least > all.ratio) {
    wrong("least", all.least, `0 to ${all.ratio}, which is ratio`);
  }
  return policy;
}

// ---- building a model

// [m, n] with m / 2^n nearest to value and m of 16 to 31. null is where found rates start.
function lrOf(value) {
  let rate = value ?? FIRST_LR;
  if (typeof rate !== "number" || !(rate >= 2e-8 && rate <= 1)) {
    wrong("lr", value, "2e-8 to 1, or null");
  }
  let n = 0;
  while (rate < 16) {
    rate *= 2;
    n += 1;
  }
  const m = Math.trunc(rate + 0.5);
  return m < 32 ? [m, n] : [16, n - 1];
}

// [lo, hi] pairs of a range that was given; none for a range that is to be learned.
function givenRanges(name, value, channels) {
  if (value === null) {
    return [];
  }
  const expected = `[lo, hi] with lo < hi, a list of ${channels} of them, or null`;
  if (!Array.isArray(value) || !value.length) {
    wrong(name, value, expected);
  }
  const pairs = Array.isArray(value[0]) ? value : [value];
  if (pairs.length !== 1 && pairs.length !== channels) {
    wrong(name, value, expected);
  }
  for (const range of pairs) {
    if (!Array.isArray(range) || range.length !== 2) {
      wrong(name, range, expected);
    }
    if (!range.every((end) => typeof end === "number" && Math.abs(end) <= MOST)) {
      wrong(name, range, "numbers from -3.4e+38 to 3.4e+38");
    }
    if (!(range[0] < range[1])) {
      wrong(name, range, expected);
    }
  }
  return pairs;
}

// Why a spec has no layout, in words. shapes: as layout left them.
function layoutError(code, view, shapes) {
  if (code === format.E_OUTPUT) {
    const last = format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * (shapes.length / SHAPE - 1);
    return `the last layer is ${layerText(view, last)}, expected a linear Dense, without an activation`;
  }
  let i = 0;
  while (SHAPE * i < shapes.length && shapes[SHAPE * i]) {
    i += 1;
  }
  if (SHAPE * i === shapes.length) {
    return "the model needs more than 2 GB: remember fewer samples"; // no layer can
  }
  const below = i ? shapes.slice(SHAPE * (i - 1), SHAPE * (i - 1) + 3) : inputShape(view);
  let fault = "does not fit";
  if (code === format.E_TOO_SLOW) {
    fault = "makes the model multiply more than 2^28 times a sample, with";
  } else if (code === format.E_TOO_BIG) {
    fault = `has more than ${format.MAX_VALUES} values with`;
  }
  const layer = layerText(view, format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * i);
  return `layer ${i}: ${layer} ${fault} an input of ${[...below].join(" x ")} (height, width, channels)`;
}

export function inputShape(view) {
  return numbersAt(view, "u2", format.MODEL_SPEC_IN_H, 3);
}

function checkReplay(replay, layers, nClasses) {
  if (count("replay", replay, 65535, 0) === 0) {
    return;
  }
  if (replay < nClasses) {
    wrong("replay", replay, `${nClasses} or more: a sample of each class`);
  }
  const learns = layers.filter(({ spec }) => spec[0] <= format.DEPTHWISE && spec[format.LAYER_SPEC_TRAINABLE]);
  if (!learns.length) {
    wrong("replay", replay, "0, as no layer is trained");
  }
}

function checkSeed(seed) {
  count("seed", seed, 2 ** 30 - 1, 0);
}

// What Model says. Returns the image of a new model and the shapes of its layers.
export function build(shapeGiven, layers, given) {
  const settings = settingsOf("Model", given, {
    loss: "crossentropy",
    lr: null,
    policy: null,
    inputRange: null,
    outputRange: null,
    replay: 0,
    seed: 1,
    classes: null,
  });
  const dimensions = Array.isArray(shapeGiven) ? shapeGiven : [shapeGiven];
  if (dimensions.length < 1 || dimensions.length > 3) {
    wrong("inputShape", shapeGiven, "1 to 3 numbers");
  }
  dimensions.forEach((n) => count("inputShape", n));
  if (!Array.isArray(layers)) {
    wrong("layers", layers, "a list of Dense(...), ...");
  }
  count("number of layers", layers.length, 254);
  for (const layer of layers) {
    if (!(layer instanceof Layer)) {
      wrong("a layer", layer, "Dense(...), Conv2D(...), ...");
    }
  }
  const policy = settings.policy ?? Adaptive();
  if (!(policy instanceof Policy)) {
    wrong("policy", policy, "Adaptive(), Full(), ...");
  }
  checkSeed(settings.seed);
  const shape = [1, 1, 1].slice(dimensions.length).concat(dimensions);
  const mse = choice("loss", settings.loss, format.LOSS_NAMES);
  const last = layers.at(-1).spec;
  const units = new DataView(last.buffer).getUint16(format.LAYER_SPEC_UNITS, true);
  if (!mse && last[0] === format.DENSE && units === 1) {
    throw new RangeError(
      'the last layer has 1 unit, expected 2 or more: one for each class. If y is a number, give loss: "mse"',
    );
  }
  checkReplay(settings.replay, layers, mse ? 1 : units);
  const inputs = givenRanges("inputRange", settings.inputRange, shape[2]);
  let outputs = [];
  if (mse) {
    outputs = givenRanges("outputRange", settings.outputRange, units);
  } else if (settings.outputRange !== null) {
    wrong("outputRange", settings.outputRange, 'null with loss: "crossentropy"');
  }
  const names = givenNames(settings.classes, mse, units);
  const spec = new Uint8Array(format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * layers.length);
  const view = new DataView(spec.buffer);
  const [kind, ...shares] = policy.spec;
  spec.set([...new TextEncoder().encode("TYNP"), format.VERSION, layers.length, mse, kind]);
  spec.set(lrOf(settings.lr), format.MODEL_SPEC_LR_MANTISSA);
  [...shape, inputs.length, outputs.length, ...shares, settings.replay].forEach((n, i) =>
    view.setUint16(format.MODEL_SPEC_IN_H + 2 * i, n, true),
  );
  spec[format.MODEL_SPEC_AUTO_RATE] = settings.lr === null;
  layers.forEach((layer, i) => spec.set(layer.spec, format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * i));
  const { nBytes, shapes } = layout(spec);
  if (nBytes < 0) {
    throw new RangeError(layoutError(nBytes, view, shapes));
  }
  const image = new Image(nBytes, spec);
  [inputs, outputs].forEach((pairs, which) => {
    const { at } = rangePlace(image.view, which);
    pairs.flat().forEach((end, i) => image.view.setFloat32(at + 4 * i, end, true));
  });
  if (image.init(settings.seed) < 0) {
    wrong("a range", [inputs, outputs], "lo < hi in their first 7 digits (float32)");
  }
  return { image, shapes, names };
}

// ---- names of classes

const MOST_LETTERS = 255; // bytes of UTF-8: a file has their number in one

function checkName(what, name, expected = "a name") {
  if (typeof name !== "string") {
    throw new TypeError(`${what} is ${shown(name)}, expected ${expected}`);
  }
  const { length } = new TextEncoder().encode(name);
  if (length < 1 || length > MOST_LETTERS) {
    wrong(what, name, `a name of 1 to ${MOST_LETTERS} bytes in UTF-8`);
  }
}

// A name or null for each output; null if no names were given.
function givenNames(given, mse, units) {
  if (given === null) {
    return null;
  }
  if (mse) {
    wrong("classes", given, 'null with loss: "mse"');
  }
  if (!Array.isArray(given)) {
    throw new TypeError(`classes is ${shown(given)}, expected a list of names`);
  }
  given.forEach((name, i) => {
    checkName(`classes[${i}]`, name);
    if (given.indexOf(name) < i) {
      throw new RangeError(`classes has ${shown(name)} twice, expected names that differ`);
    }
  });
  if (given.length > units) {
    throw new RangeError(
      `classes has ${given.length} names, expected at most ${units}: give the last layer a unit for each`,
    );
  }
  return given.length ? [...given, ...Array(units - given.length).fill(null)] : null;
}

// The numbers of classes, of which some come by name. When they are to be learned a new name becomes that of a free output.
function byNumbers(model, labels, learning) {
  const names = model.classes;
  const numbers = labels.map((label, i) => {
    if (Number.isInteger(label)) {
      return classNumber(label);
    }
    const what = labels.length === 1 ? "y" : `y[${i}]`;
    checkName(what, label, "a class number or its name");
    if (!names.includes(label)) {
      names[free(model, what, label, names, labels, learning)] = label;
    }
    return names.indexOf(label);
  });
  return { targets: Int32Array.from(numbers), names: learning ? names : model._names };
}

// A class number that an array can hold.
function classNumber(label) {
  return label >= 0 && label < format.MAX_VALUES ? label : -1;
}

// The first output without a name that no class was taught to by its number.
function free(model, what, label, names, labels, learning) {
  const last = tally(model, placesOf(model));
  const unused = names.findIndex((name, i) => !(name || last[i] || labels.includes(i)));
  if (learning && unused >= 0) {
    return unused;
  }
  const known = names.flatMap((name, i) => (name || last[i] ? [classText(model, i)] : []));
  if (!learning) {
    wrong(what, label, `one of the classes, ${known.join(", ") || "of which it knows none"}`);
  }
  throw new RangeError(
    `${what} is ${shown(label)}, a new class, and each of the ${names.length} outputs has one: ${known.join(", ")}. Make a` +
      " new Model whose last layer has more units",
  );
}

// The likeliest class, where that is an output without a name: a spare one, which is no answer unless it was taught by its
// number.
export function likeliest(model, x, label) {
  const last = tally(model, placesOf(model));
  if (last[label]) {
    return label;
  }
  const shares = model.predictProba(x).map((share, i) => (model._names[i] || last[i] ? share : -1));
  const best = shares.indexOf(Math.max(...shares));
  return model._names[best] ?? best;
}

function classText(model, label) {
  return model.classes[label] ?? String(label);
}

// What a file has of names: for each output a length and the name in UTF-8, 0 for none; and how many bytes these are.
export function packed(names) {
  const bytes = names.flatMap((name) => {
    const letters = new TextEncoder().encode(name ?? "");
    return [letters.length, ...letters];
  });
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length, true);
  return Uint8Array.of(...bytes, ...length);
}

// Names, as packed() packed them; undefined if these are none for so many outputs.
export function unpacked(bytes, nOut) {
  const names = [];
  const end = bytes.length - 4;
  let at = 0;
  while (at < end) {
    const after = at + 1 + bytes[at];
    try {
      names.push(
        new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(at + 1, after)) || null,
      );
    } catch {
      return undefined;
    }
    at = after;
  }
  const known = names.filter((name) => name !== null);
  const fits = at === end && names.length === nOut && known.length > 0 && new Set(known).size === known.length;
  return fits ? names : undefined;
}

// ---- what a model knows

// How strange a sample is: its squared distance to the nearest remembered one, times the fourth root of 1 + doubt / usual.
// Doubt is by how much the largest probability is below 1. What is usual for x is the mean of the last 64 new samples; for
// remembered ones, which are learned again and again, that of these. Both count one sample more, of which all was in doubt.

// To the fourth power, times the usual doubt, so that it is an integer.
function strangeness(square, doubt, usual) {
  return BigInt(square) ** 4n * BigInt(usual + doubt);
}

export function knows(model, x) {
  const n = model._image.view.getUint16(format.MODEL_SPEC_REPLAY, true);
  if (!n) {
    throw new RangeError(
      "knows() compares x with remembered samples: make the Model with replay, some 50 for each class",
    );
  }
  const squares = new Uint32Array(n);
  const doubt = model._image.distances(numbers(x), squares);
  if (doubt < 0) {
    refused(model, doubt, x, null, null);
  }
  const nearest = squares.reduce((a, b) => Math.min(a, b));
  if (nearest === FAR && model._number("u8", format.MODEL_STATE_STEPS)) {
    throw new RangeError(
      "knows() compares x with remembered samples, and there are none: they are in a file of save(true); else learn some" +
        " anew",
    );
  }
  const { reach, usual } = reachOf(model, squares);
  const now = (model._number("u4", format.MODEL_STATE_ERROR) >>> 14) + MOST_DOUBT / 64;
  return strangeness(nearest, doubt, now) * BigInt(usual) <= reach * BigInt(now);
}

// How strange 19 of 20 remembered samples are at most, each beside the others of its class, and the usual doubt there. It
// is found anew when samples have become a tenth more: until then at most a tenth of them are others, as each new one is
// remembered by chance.
function reachOf(model, squares) {
  const steps = model._number("u8", format.MODEL_STATE_STEPS);
  const then = model._reach?.steps;
  if (then && then <= steps && steps <= 1.1 * then) {
    return model._reach;
  }
  const nOfClass = Math.floor(squares.length / (model._mse ? 1 : model._nOut));
  const found = [];
  for (let place = 0; place < squares.length; place++) {
    const doubt = model._image.distances(null, squares, place);
    if (doubt < 0) {
      refused(model, doubt, null, null, null);
    }
    const first = place - (place % nOfClass);
    const others = [...squares.subarray(first, first + nOfClass)].filter((square) => square < FAR);
    const apart = others.filter(Boolean); // those at 0 are this one again, as in another pass
    if (others.length) {
      found.push([apart.length ? Math.min(...apart) : 0, doubt]);
    }
  }
  const usual = Math.floor((found.reduce((sum, [, doubt]) => sum + doubt, 0) + MOST_DOUBT) / (found.length + 1));
  const strange = found.map(([square, doubt]) => strangeness(square, doubt, usual));
  strange.sort((a, b) => (a < b ? -1 : Number(a > b)));
  // Of n + 1 samples that come in any order the last one is as near, with this probability.
  const rank = Math.min(Math.floor((19 * (found.length + 1) + 19) / 20), found.length);
  model._reach = { steps, reach: strange[rank - 1] ?? -1n, usual };
  return model._reach;
}

// ---- what a call is given

// A list of numbers as a typed array; all else as it is.
export function numbers(x) {
  return Array.isArray(x) && x.every((value) => typeof value === "number") ? Float32Array.from(x) : x;
}

// What y says, as the core takes it, and the names that the model has then.
export function targets(model, y, many, learning) {
  const labels = typeof y === "string" ? [y] : y;
  if (!model._mse && Array.isArray(labels) && labels.some((label) => typeof label === "string")) {
    return byNumbers(model, labels, learning);
  }
  return { targets: plainTargets(model, y, many), names: model._names };
}

function plainTargets(model, y, many) {
  if (model._mse) {
    return typeof y === "number" ? Float32Array.of(y) : numbers(y);
  }
  if (many && Array.isArray(y) && y.every(Number.isInteger)) {
    return Int32Array.from(y, classNumber);
  }
  return typeof y === "boolean" ? Number(y) : y;
}

// A list of rows of n numbers, or of single numbers, as one list; as it is if it holds something else.
export function joined(rows, n) {
  const fits = rows.every((row) => typeof row === "number" || row?.length === n);
  return fits ? rows.flatMap((row) => (typeof row === "number" ? row : [...row])) : rows;
}

// Throws why a call was refused. total: how many samples a call for many of them has, or null.
export function refused(model, code, x, y, total) {
  const many = total !== null;
  const samples = total ?? 1;
  const nTargets = samples * (model._mse ? model._nOut : 1);
  if (code === format.E_X_LENGTH) {
    throw new RangeError(`x has ${x.length} values, expected ${samples * model._nIn}`);
  }
  if (code === format.E_Y_LENGTH) {
    throw new RangeError(`y has ${y.length ?? 1} values, expected ${nTargets}`);
  }
  if (code === format.E_X_TYPE) {
    refuseItems("x", x, (value) => typeof value === "number", "a number", many ? model._nIn : 0);
    throw new TypeError(`x is ${kindOf(x)}, expected a typed array of integers or Float32Array, or a list`);
  }
  if (code === format.E_Y_TYPE && !(Number.isInteger(y) && !model._mse)) {
    const [fits, number] = model._mse
      ? [(value) => typeof value === "number", "number"]
      : [Number.isInteger, "class number"];
    refuseItems("y", y, fits, `a ${number}`, many && model._mse ? model._nOut : 0);
    const expected = nTargets === 1 ? `a ${number}` : `a typed array or a list of ${nTargets} ${number}s`;
    throw new TypeError(`y is ${kindOf(y)}, expected ${expected}`);
  }
  if (code === format.E_X_FINITE || code === format.E_Y_FINITE) {
    const name = code === format.E_X_FINITE ? "x" : "y";
    throw new RangeError(`${name} holds a NaN, an infinity, or a number beyond 3.4e+38`);
  }
  if (code === format.E_Y_CLASS || code === format.E_Y_TYPE) {
    const label = [y].flat().find((value) => !(value >= 0 && value < model._nOut));
    wrong("y", label ?? y, `a class number, 0 to ${model._nOut - 1}`);
  }
  if (code === format.E_NO_RANGE) {
    throw new RangeError("no range is known: learn first, or give inputRange: [lo, hi]");
  }
  throw new RangeError("the model is damaged");
}

function kindOf(value) {
  return typeof value === "object" && value ? `a ${value.constructor.name}` : shown(value);
}

export function noClasses(name) {
  throw new TypeError(`${name} needs classes, and this model has loss: "mse": use predict`);
}

// Throws which item of a list is not as it should be. nValues: how many an item has that is a sample; 0 if items are to be
// single numbers.
function refuseItems(name, items, fits, expected, nValues) {
  (Array.isArray(items) ? items : []).forEach((item, i) => {
    const where = `${name}[${i}]`;
    if (nValues && (Array.isArray(item) || letterOf(item))) {
      if (item.length !== nValues) {
        throw new RangeError(`${where} has ${item.length} values, expected ${nValues}`);
      }
      refuseItems(where, item, fits, expected, 0);
    } else if (!fits(item)) {
      const several = nValues > 1 ? ` or a list of ${nValues}` : "";
      throw new TypeError(`${where} is ${shown(item)}, expected ${expected}${several}`);
    }
  });
}

// ---- what lies where in an image

// {at, n, given} of the ranges of x (0) or of y (1): where, how many, whether they were given; 2: of what follows.
export function rangePlace(view, which) {
  const nLayers = view.getUint8(format.MODEL_SPEC_N_LAYERS);
  const layers = format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * nLayers;
  let at = layers + format.MODEL_STATE_BYTES + format.LAYER_STATE_BYTES * nLayers;
  for (let i = 0; i < 2; i++) {
    const given = numberAt(view, "u2", format.MODEL_SPEC_N_INPUT_RANGES + 2 * i);
    let n = given;
    if (!given && i === 0) {
      n = numberAt(view, "u2", format.MODEL_SPEC_IN_C);
    } else if (!given && view.getUint8(format.MODEL_SPEC_LOSS) === format.MSE) {
      n = numberAt(view, "u2", layers - format.LAYER_SPEC_BYTES + format.LAYER_SPEC_UNITS);
    }
    if (i === which) {
      return { at, n, given: given > 0 };
    }
    at += n * (given ? format.RANGE_BYTES : format.LEARNED_RANGE_BYTES);
  }
  return { at, n: 0, given: false };
}

// How much of nBytes, which a model of this spec has, is for samples that are remembered.
export function replayBytes(bytes, shapes, nBytes) {
  const spec = bytes.slice(0, format.MODEL_SPEC_BYTES + (format.LAYER_SPEC_BYTES * shapes.length) / SHAPE);
  spec.fill(0, format.MODEL_SPEC_SAVED_BYTES, format.MODEL_SPEC_SAVED_BYTES + 4);
  spec.fill(0, format.MODEL_SPEC_REPLAY, format.MODEL_SPEC_BYTES);
  return nBytes - layout(spec).nBytes;
}

function memoryOf(model) {
  return replayBytes(model._image.bytes, model._shapes, model._image.length);
}

// A layer with weights: its number, its units, and where its parts are.
class Place {
  constructor(model, i, weights, channelsBelow) {
    this.model = model;
    this.i = i;
    this.weights = weights;
    this.state = model._state + format.MODEL_STATE_BYTES + format.LAYER_STATE_BYTES * i;
    const [units, fanIn] = model._shapes.slice(SHAPE * i + 2, SHAPE * i + 4);
    const { bytes } = model._image;
    const spec = format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * i;
    const [kind, activation, trained] = bytes.slice(spec, spec + 3);
    this.units = units;
    this.trained = Boolean(trained);
    this.dense = kind === format.DENSE;
    this.relu = activation === format.RELU;
    // Of a map, read by a layer that is not dense or has none below it: by channels.
    const mapBelow = i > 0 && bytes[spec - format.LAYER_SPEC_BYTES] !== format.DENSE;
    const byChannel = !this.dense || (mapBelow && fanIn > format.MOST_MEANS);
    this.nSums = byChannel ? channelsBelow : fanIn;
    this.nWeights = fanIn * units;
    this.biases = (weights + 2 * (fanIn + this.dense) * units + 3) & ~3;
    this.sums = this.biases + 4 * units;
    this.end = (this.sums + 3 * this.nSums + 3) & ~3;
  }

  // A number of its state.
  number(type, at) {
    return numberAt(this.model._image.view, type, this.state + at);
  }

  // 1 + sum (x - mean)^2 of its inputs, the mean of late; 0 before the first step.
  energy() {
    return this.number("u4", format.LAYER_STATE_ENERGY) / 256;
  }

  inputsMove() {
    const energy = this.energy();
    return !(energy > 0 && energy <= STILL);
  }

  givesOnlyZeros() {
    return this.relu && this.number("u2", format.LAYER_STATE_DEAD_STEPS) >= DEAD_AFTER;
  }
}

// Of all layers with weights.
export function placesOf(model) {
  const { bytes, view } = model._image;
  const places = [];
  let { at } = rangePlace(view, 2);
  let below = numberAt(view, "u2", format.MODEL_SPEC_IN_C);
  for (let i = 0; i < bytes[format.MODEL_SPEC_N_LAYERS]; i++) {
    if (bytes[format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * i] <= format.DEPTHWISE) {
      places.push(new Place(model, i, at, below));
      at = places.at(-1).end;
    }
    below = model._shapes[SHAPE * i + 2];
  }
  return places;
}

// For each class the step at which it was last shown, modulo 2^32, 0: never; for each output its error.
function tally(model, places) {
  return numbersAt(model._image.view, "u4", places.at(-1).end, model._nOut);
}

// ---- settings

export function setLr(model, value) {
  const rate = lrOf(value);
  model._image.bytes.set(rate, format.MODEL_SPEC_LR_MANTISSA);
  model._image.bytes[format.MODEL_SPEC_AUTO_RATE] = value === null;
}

// ---- ranges

export function getRange(model, which) {
  const { view } = model._image;
  const { at, n, given } = rangePlace(view, which);
  if (!given && !model._number("u2", format.MODEL_STATE_N_SEEN + 2 * which)) {
    return null;
  }
  const pairs = Array.from({ length: n }, (_, i) => {
    if (given) {
      return numbersAt(view, "f4", at + format.RANGE_BYTES * i, 2);
    }
    const place = at + format.LEARNED_RANGE_BYTES * i;
    const zero = numberAt(view, "i4", place + format.LEARNED_RANGE_ZERO);
    const frac = numberAt(view, "i2", place + format.LEARNED_RANGE_FRAC);
    const shift = numberAt(view, "i2", place + format.LEARNED_RANGE_SHIFT);
    const reach = shift < 31 ? 2 * 2 ** shift : 0;
    return [(zero - reach) * 2 ** -frac, (zero + reach) * 2 ** -frac];
  });
  return n > 1 ? pairs : (pairs[0] ?? null);
}

export function setRange(model, which, value) {
  const name = ["inputRange", "outputRange"][which];
  if (rangePlace(model._image.view, which).given) {
    throw new RangeError(`${name} was given when the model was made, and stays`);
  }
  if (value !== null) {
    wrong(name, value, "null: then it is learned anew. Give it when the model is made");
  }
  model._image.view.setUint16(model._state + format.MODEL_STATE_N_SEEN + 2 * which, 0, true);
}

// ---- weights as floats

// Whether activations have 12 bits: plan.c, in docs/numbers.md.
function of12Bits(model) {
  const { bytes } = model._image;
  const widths = [model._nIn];
  for (let i = 0; i < bytes[format.MODEL_SPEC_N_LAYERS]; i++) {
    if (bytes[format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * i] !== format.DENSE) {
      return false;
    }
    widths.push(model._shapes[SHAPE * i + 2]);
  }
  return model._mse && Math.max(...widths.slice(0, -1)) <= 64;
}

// Whether inputs of layer i, and so their means, may be below 0.
function readsSigned(model, i) {
  const { bytes, view } = model._image;
  for (let k = i - 1; k >= 0; k--) {
    const at = format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * k;
    if (bytes[at] <= format.DEPTHWISE) {
      return bytes[at + 1] !== format.RELU && bytes[at + 1] !== format.SIGMOID;
    }
  }
  const { at, n, given } = rangePlace(view, 0);
  const lows = numbersAt(view, "f4", at, given ? 2 * n : 0).filter((_, k) => k % 2 === 0);
  return !given || Math.min(...lows) < 0 || of12Bits(model);
}

function placeOf(model, i) {
  const places = placesOf(model);
  const numbersOf = places.map((one) => one.i).join(", ");
  return places.find((one) => one.i === i) ?? wrong("i", i, `the number of a layer with weights: ${numbersOf}`);
}

export function getWeights(model, i) {
  const place = placeOf(model, i);
  const { bytes, view } = model._image;
  const { units, nWeights: n } = place;
  const unit = 2 ** -place.number("i1", format.LAYER_STATE_W_FRAC);
  const weights = Float32Array.from(numbersAt(view, "i2", place.weights, n));
  if (place.dense) {
    // The slopes are one more row, and count as much as the mean of an input (centre.c).
    const slopes = numbersAt(view, "i2", place.weights + 2 * n, units);
    const means = numbersAt(view, readsSigned(model, i) ? "i1" : "u1", place.sums + 2 * place.nSums, place.nSums);
    const part = 2 ** -bytes[place.state + format.LAYER_STATE_MEAN_SHIFT];
    for (let k = 0; k < n; k++) {
      weights[k] += part * means[Math.floor(k / units) % means.length] * slopes[k % units];
    }
  }
  const biases = numbersAt(view, "i4", place.biases, units);
  return {
    weights: weights.map((w) => w * unit),
    biases: Float32Array.from(biases, (b) => (b * unit) / 2 ** format.BIAS_FRAC),
  };
}

// Nested or flat numbers as one Float32Array of n.
function finiteNumbers(name, values, n) {
  const flat = Float32Array.from(flattened(name, values));
  if (flat.length !== n) {
    throw new RangeError(`${name} has ${flat.length} numbers, expected ${n}`);
  }
  flat.forEach((value) => Math.abs(value) <= MOST || wrong(`one of ${name}`, value, "-3.4e+38 to 3.4e+38"));
  return flat;
}

function flattened(name, values) {
  if (Array.isArray(values) || letterOf(values)) {
    return [...values].flatMap((value) => (typeof value === "number" ? value : flattened(`one of ${name}`, value)));
  }
  throw new TypeError(`${name} is ${kindOf(values)}, expected a typed array or a list of numbers`);
}

export function setWeights(model, i, givenWeights, givenBiases) {
  const place = placeOf(model, i);
  const { units, nWeights: n } = place;
  const wide = of12Bits(model);
  const weights = finiteNumbers("weights", givenWeights, n);
  const biases = finiteNumbers("biases", givenBiases, units);
  // The bounds of docs/numbers.md. The first layer has that of inputs of either sign.
  const first = place.i === placesOf(model)[0].i;
  const xBits = (wide ? 12 : 8) - Number(first ? wide : readsSigned(model, i));
  const spare = 2 ** (wide ? 29 : 27) + (place.dense ? 2 ** 29 : 0);
  const most = Math.min(32767, Math.floor((2 ** 31 - 1 - spare) / ((2 ** xBits - 1) * (n / units))));
  const largest = weights.reduce((a, w) => Math.max(a, Math.abs(w)), 0);
  const bias = biases.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  let wFrac = format.MAX_W_FRAC;
  while (largest * 2 ** wFrac > most || bias * 2 ** (wFrac + format.BIAS_FRAC) > format.MAX_BIAS) {
    wFrac -= 1;
    if (wFrac < format.MIN_W_FRAC) {
      const expected = general(most / 2 ** format.MIN_W_FRAC, 3);
      throw new RangeError(
        `layer ${i} has weights up to ${general(largest, 3)} and biases up to ${general(bias, 3)}, expected at most` +
          ` ${expected} and ${Math.floor(format.MAX_BIAS / 2 ** (format.MIN_W_FRAC + format.BIAS_FRAC))}`,
      );
    }
  }
  const { bytes, view } = model._image;
  weights.forEach((w, k) => view.setInt16(place.weights + 2 * k, rounded(w * 2 ** wFrac), true));
  biases.forEach((b, k) => view.setInt32(place.biases + 4 * k, rounded(b * 2 ** (wFrac + format.BIAS_FRAC)), true));
  if (place.dense) {
    bytes.fill(0, place.weights + 2 * n, place.weights + 2 * (n + units)); // the slopes
  }
  view.setInt8(place.state + format.LAYER_STATE_W_FRAC, wFrac);
  view.setUint16(place.state + format.LAYER_STATE_DEAD_STEPS, 0, true);
  if (!place.number("u2", format.LAYER_STATE_N_SUMMED)) {
    view.setUint16(place.state + format.LAYER_STATE_N_SUMMED, 1, true);
    view.setUint32(place.state + format.LAYER_STATE_ENERGY, ENERGY_UNKNOWN << 8, true);
  }
  bytes.fill(0, model._saved().length); // what the core knows of old weights
}

// To nearest, halves up; so that floats of 32 bits and of 64 give the same.
function rounded(value) {
  const below = Math.floor(value);
  return below + Number(value - below >= 0.5);
}

// ---- numbers of learning

export function stats(model) {
  const dense = model._number("u8", format.MODEL_STATE_MACS_DENSE);
  const places = placesOf(model);
  const dead = Array(model._image.bytes[format.MODEL_SPEC_N_LAYERS]).fill(0);
  const rates = dead.map(() => null);
  places.forEach((place, k) => {
    dead[place.i] = deadUnits(places, k);
    rates[place.i] = place.trained ? (model.lr ?? foundRate(model, place)) : null;
  });
  return {
    steps: model._number("u8", format.MODEL_STATE_STEPS),
    skipped: model._number("u8", format.MODEL_STATE_SKIPPED),
    replayed: model._number("u4", format.MODEL_STATE_N_REPLAYED),
    accuracy: model._mse ? null : model._number("u4", format.MODEL_STATE_RIGHT) / ONE,
    error: errorOf(model, places),
    backwardShare: dense ? model._number("u8", format.MODEL_STATE_MACS_SELECTED) / dense : 0,
    backwardShareNonzero: dense ? model._number("u8", format.MODEL_STATE_MACS_DONE) / dense : 0,
    outside: model._number("u4", format.MODEL_STATE_N_OUTSIDE),
    saturated: model._number("u8", format.MODEL_STATE_N_SATURATED),
    dead,
    rates,
  };
}

function errorOf(model, places) {
  if (!model._mse) {
    return model._number("u4", format.MODEL_STATE_ERROR) / ONE;
  }
  const range = getRange(model, 1);
  if (range === null) {
    return null;
  }
  const ranges = Array.isArray(range[0]) ? range : [range];
  const ofWidth = rangePlace(model._image.view, 1).given ? 2 : 4; // the unit is half of a given range
  const errors = tally(model, places).map((part, j) => {
    const [lo, hi] = ranges[j % ranges.length];
    return ((part / ONE) * (hi - lo)) / ofWidth;
  });
  return errors.length > 1 ? errors : errors[0];
}

// How many units of a layer with relu fire on nothing. What they give is added up in the layer above, where sums that
// nothing is added to fall to 1.
function deadUnits(places, k) {
  const place = places[k];
  if (place.givesOnlyZeros()) {
    return place.units;
  }
  if (!place.relu || places[k + 1].number("u2", format.LAYER_STATE_N_SUMMED) < DEAD_AFTER) {
    return 0;
  }
  const { sums, nSums, model } = places[k + 1];
  const alive = new Set();
  numbersAt(model._image.view, "u2", sums, nSums).forEach((sum, i) => {
    if (sum > 1) {
      alive.add(i % place.units);
    }
  });
  return place.units - alive.size;
}

// What found rates are after so many steps, but for the energy of their layers.
function falling(model, steps) {
  const [mantissa, shift] = lrOf(null);
  const t = Math.min(steps + START, model._mse ? SETTLED_MSE : SETTLED);
  return ((mantissa / 2 ** shift) * START) / t;
}

// The rate that a layer finds (core/rate.c); null before its first step.
function foundRate(model, place) {
  const q = place.energy();
  if (q === 0) {
    return null;
  }
  const c = falling(model, model._number("u8", format.MODEL_STATE_STEPS));
  let n = 0;
  while (q > c * c * 2 * 4 ** n || q > 2 ** n) {
    n += 1;
  }
  return 1 / 2 ** n;
}

// ---- in words

// Of each layer: its place in the spec, shape of its output, parameters, multiply-accumulates, and bytes of RAM.
export function layersOf(model) {
  const { bytes, view } = model._image;
  return Array.from({ length: model._shapes.length / SHAPE }, (_, i) => {
    const [height, width, channels, fanIn, learned, outputs, work] = model._shapes.slice(SHAPE * i, SHAPE * (i + 1));
    const at = format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * i;
    const weighted = bytes[at] <= format.DEPTHWISE;
    return {
      text: layerText(view, at),
      shape: [height, width, channels],
      parameters: weighted ? (fanIn + 1) * channels : 0,
      macs: weighted ? height * width * channels * fanIn : 0,
      convolves: bytes[at] === format.CONV || bytes[at] === format.DEPTHWISE,
      learned,
      outputs,
      work,
    };
  });
}

export function modelText(model) {
  const layers = layersOf(model);
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  const steps = model._number("u8", format.MODEL_STATE_STEPS);
  const text = [shapeText(inputShape(model._image.view)), ...layers.map((layer) => layer.text)].join(" -> ");
  return `Model(${text}; ${parameters} parameters, ${steps} steps)`;
}

// Bytes that are not in brackets add up to all of the RAM; those in brackets are what a layer needs, in its turn, of the
// work that is shared.
export function summary(model) {
  const saved = model._saved().length;
  const memory = memoryOf(model);
  const layers = layersOf(model);
  const sum = (name) => layers.reduce((all, layer) => all + layer[name], 0);
  const lines = ["layer            output           weights  learned  outputs     work"];
  for (const layer of layers) {
    const name = layer.text.split("(")[0].padEnd(16);
    const sizes = [String(layer.parameters).padStart(9), String(layer.learned).padStart(8)];
    sizes.push(String(layer.outputs).padStart(8), `(${layer.work})`.padStart(8));
    const frozen = layer.text.includes("trainable") ? "  (frozen)" : "";
    lines.push(`${name} ${shapeText(layer.shape).padEnd(14)} ${sizes.join(" ")}${frozen}`);
  }
  const rest = saved - memory - sum("learned");
  const work = model._image.length - saved - sum("outputs");
  lines.push(`${"shared".padEnd(41)} ${String(rest).padStart(8)} ${String(work).padStart(17)}`);
  if (memory) {
    const n = numberAt(model._image.view, "u2", format.MODEL_SPEC_REPLAY);
    lines.push(`${`remembered samples: ${n}`.padEnd(41)} ${String(memory).padStart(8)}`);
  }
  let file = saved - memory + 4;
  if (model._names) {
    file += packed(model._names).length;
    lines.push(`classes: ${model.classes.map((_, i) => classText(model, i)).join(", ")}`);
  }
  lines.push(`${sum("parameters")} weights and biases, ${model._image.length} bytes of RAM, ${file} bytes as a file`);
  lines.push(`${sum("macs")} multiply-accumulates`);
  return lines.join("\n");
}

// ---- beginning anew

// All from the state on becomes 0 and what init makes of it, but for what is to stay.
export function reset(model, seed) {
  checkSeed(seed);
  const { bytes, view } = model._image;
  const state = model._state;
  const saved = model._saved().length;
  const memory = saved - memoryOf(model);
  const stays = [
    [state, format.MODEL_STATE_LOSS_COUNT], // n_seen
    [state + format.MODEL_STATE_REPLAY_FRAC, 2],
  ];
  for (const place of placesOf(model)) {
    if (!place.trained) {
      stays.push([place.state, format.LAYER_STATE_BYTES], [place.weights, place.end - place.weights]);
    }
  }
  const kept = stays.map(([at, n]) => [at, bytes.slice(at, at + n)]);
  bytes.fill(0, state, rangePlace(view, 0).at);
  bytes.fill(0, rangePlace(view, 2).at, memory);
  bytes.fill(0, saved);
  model._image.init(seed);
  kept.forEach(([at, part]) => bytes.set(part, at));
}

// ---- what is wrong, and what to do

export function check(model) {
  const facts = new Facts(model);
  if (facts.steps < SOME) {
    return [];
  }
  if (!facts.places.some((place) => place.trained)) {
    return ["All layers are trainable: false, so it learns nothing: make a new Model in which one is not."];
  }
  const says = CAUSES.flatMap((lookAt) => [...lookAt(facts)]);
  for (const lookAt of SIGNS) {
    if (!says.length) {
      says.push(...lookAt(facts));
    }
  }
  return says;
}

// What check() goes by. wrong: the error, as a share of that of guessing. moves: whether x does.
class Facts {
  constructor(model) {
    this.model = model;
    this.moves = true;
    this.view = model._image.view;
    this.places = placesOf(model);
    this.steps = model._number("u8", format.MODEL_STATE_STEPS);
    this.error = model._number("u4", format.MODEL_STATE_ERROR) / ONE;
    this.least = model._number("u4", format.MODEL_STATE_LEAST_ERROR) / ONE;
    this.replay = numberAt(this.view, "u2", format.MODEL_SPEC_REPLAY);
    let guess = 1 - 1 / model._nOut;
    if (model._mse) {
      guess = spreads(model, 1).reduce((a, b) => a + b, 0) / model._nOut || GUESS;
    }
    this.wrong = this.error / (guess || 1);
    // A guess of mse with a given range is none.
    const learned = !model._mse || !rangePlace(this.view, 1).given;
    const enough = model._mse ? 1000 : 200 * model._nOut;
    this.guesses = learned && this.steps >= enough && this.wrong > 0.95;
    // With rates that it finds, guessing explains units that are dead, and not the other way.
    this.blamesRate = model.lr !== null || !this.guesses;
    this.cure = model.lr === null ? "m.reset()." : "m.lr = null, then m.reset().";
  }
}

// Of learned ranges: how far values are from their centre in the mean, in half ranges.
function spreads(model, which) {
  const { view } = model._image;
  const { at, n, given } = rangePlace(view, which);
  return Array.from({ length: given ? 0 : n }, (_, i) => {
    const place = at + format.LEARNED_RANGE_BYTES * i;
    const shift = numberAt(view, "i2", place + format.LEARNED_RANGE_SHIFT);
    return numberAt(view, "u4", place + format.LEARNED_RANGE_SPREAD) / 2 ** shift;
  });
}

// one or many, with the numbers in it.
function names(one, many, all) {
  const text = all.slice(0, 6).join(", ") + (all.length > 6 ? ", .." : "");
  return (all.length === 1 ? one : many).replace("%", text);
}

// As Python's %.<digits>g, which rounds halves to even, and toExponential up.
function general(value, digits) {
  const [all, power] = value.toExponential(100).split("e");
  const kept = all.slice(0, digits > 1 ? digits + 1 : 1);
  const toEven = /^\.?50*$/.test(all.slice(kept.length)) && kept.at(-1) % 2 === 0;
  const text = toEven ? `${kept}e${power}` : value.toExponential(digits - 1);
  const [mantissa, exponent] = text.split("e");
  if (exponent < -4 || exponent >= digits) {
    return `${Number(mantissa)}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  }
  return String(Number(text));
}

function* stillX(facts) {
  const { n, given } = rangePlace(facts.view, 0);
  const still = spreads(facts.model, 0).flatMap((spread, i) => (spread === 0 ? [i] : []));
  if (still.length === n) {
    facts.moves = false;
    yield "x never changes: all samples were the same. Is it read anew for each of them?";
  } else if (still.length > (n <= SENSORS ? 0 : Math.floor(n / 2))) {
    const [value, values] = n === facts.model._nIn ? ["Value", "Values"] : ["Channel", "Channels"];
    const what = names(`${value} % of x never moves`, `${values} % of x never move`, still);
    yield `${what}: is a sensor not connected?`;
  }
  const first = facts.places[0];
  if (given && first.i === 0 && !first.inputsMove() && facts.wrong > 0.75) {
    facts.moves = false;
    yield "x hardly moves within inputRange: give a narrower one, or leave it out.";
  }
}

// The lowest layer that gives the same whatever x is: zeros, or what has a mean square far above its variance.
function* ruin(facts) {
  for (const [k, place] of facts.places.slice(0, -1).entries()) {
    const above = facts.places[k + 1];
    let same = place.givesOnlyZeros();
    if (!above.inputsMove() && facts.wrong > 0.75) {
      const square = above.number("u4", format.LAYER_STATE_NORM);
      same ||= square === 0 || square > 4 * 4 ** above.number("i1", format.LAYER_STATE_X_FRAC);
    }
    if (same && facts.moves && facts.blamesRate) {
      yield (
        `Layer ${place.i} gives the same whatever x is. A rate that is too high does that, and learning on does not mend` +
        ` it: ${facts.cure}`
      );
      return;
    }
  }
}

// Compares a given rate with what layers find in the end: docs/api.md says how far off is too far.
function* rate(facts) {
  const { lr } = facts.model;
  const c = falling(facts.model, SETTLED_MSE);
  if (lr === null || facts.wrong < 0.3) {
    return;
  }
  let most = 0;
  let layer = 0;
  for (const place of facts.places) {
    const q = place.energy();
    const found = place.trained && q ? Math.min(c / q ** 0.5, 1 / q) : 0;
    if (found && place.dense && lr > Math.min(5 * found, 4 / q)) {
      yield (
        `lr = ${general(lr, 2)} is too high: layer ${place.i} needs some ${general(found, 1)}. m.lr = null finds it; if that` +
        " does not help, m.reset() as well."
      );
      return;
    }
    if (found > most) {
      most = found;
      layer = place.i;
    }
  }
  if (most > 5 * lr && (facts.steps * lr < 1000 * most || facts.wrong > 0.75)) {
    yield (
      `lr = ${general(lr, 2)} is too low: layer ${layer} needs some ${general(most, 1)}, and learns that much faster then.` +
      " m.lr = null finds it."
    );
  }
}

function* classes(facts) {
  if (facts.model._mse || facts.model._nOut === 1) {
    return;
  }
  const last = tally(facts.model, facts.places);
  const ago = last.map((step) => (((facts.steps - step) % 2 ** 32) + 2 ** 32) % 2 ** 32);
  const alone = [...ago].sort((a, b) => a - b)[1];
  if (alone >= SOME && !facts.replay) {
    yield (
      `The last ${alone} samples were all of class ${classText(facts.model, ago.indexOf(Math.min(...ago)))}, and what it knows of the others fades:` +
      " show the classes in turn, or make a new Model with replay."
    );
  }
  // Beside names an output without one is spare.
  const { _names: named } = facts.model;
  const never = last.flatMap((step, i) =>
    step === 0 && (named === null || named[i]) ? [classText(facts.model, i)] : [],
  );
  if (never.length && facts.steps >= 20 * last.length) {
    const what = names("Class % was never shown", "Classes % were never shown", never);
    yield `${what}: show all, or give the last layer fewer units.`;
  }
}

function* outside(facts) {
  const x = shareOutside(facts, 0, format.MODEL_STATE_N_OUTSIDE, facts.model._nIn);
  if (x > 0.05) {
    yield (
      `${(100 * x).toFixed()} % of the values of x are outside inputRange, and count as its ends: give a wider one, or leave` +
      " it out."
    );
  }
  const y = shareOutside(facts, 1, format.MODEL_STATE_N_OUTSIDE_Y, facts.model._nOut);
  if (y > 0.05) {
    yield (
      `${(100 * y).toFixed()} % of the values of y are so far outside outputRange that they were cut, to half its width` +
      " beyond its ends: give a wider one, or leave it out."
    );
  }
}

// Of the values of x (0) or y (1) so far, if their range was given.
function shareOutside(facts, which, counter, nValues) {
  const { given } = rangePlace(facts.view, which);
  return given ? facts.model._number("u4", counter) / facts.steps / nValues : 0;
}

// Remembered samples that are the same but for their labels. What is where: core/replay.c.
function* twins(facts) {
  const { model, view, places } = facts;
  const nClasses = model._nOut;
  if (!facts.replay || model._mse) {
    return;
  }
  let at = places.at(-1).end + 4 * nClasses;
  let size = memoryOf(model);
  const { n: nMaps, given } = rangePlace(view, 0);
  if (!given && places[0].i === 0 && places[0].trained) {
    at += 8 * nMaps;
    size -= 8 * nMaps;
  }
  const seen = numbersAt(view, "u2", at, nClasses);
  const valuesOfEach = Math.floor((size - 2 * nClasses) / facts.replay) - 2;
  const nOfClass = Math.floor(facts.replay / nClasses);
  at += 2 * nClasses + 2 * facts.replay;
  const samples = seen.flatMap((n, label) =>
    Array.from({ length: Math.min(n, nOfClass) }, (_, k) => {
      const x = at + (nOfClass * label + k) * valuesOfEach;
      return { label, key: crc32(model._image.bytes.subarray(x, x + valuesOfEach)) };
    }),
  );
  const labelOf = new Map();
  for (const { label, key } of samples) {
    labelOf.set(key, (labelOf.get(key) ?? label) === label ? label : -1);
  }
  const nTwins = samples.filter(({ key }) => labelOf.get(key) < 0).length;
  if (20 * nTwins > samples.length) {
    yield (
      `${nTwins} of ${samples.length} remembered samples have a twin with another label: labels contradict each other, or x` +
      " lacks what tells them apart."
    );
  }
}

function* change(facts) {
  if (facts.wrong > 0.4 && facts.least < facts.error / 2) {
    yield (
      `The error was ${general(facts.least, 2)} once, and is ${general(facts.error, 2)} now. Has a sensor changed, or what a` +
      " label means? It learns that as it goes; after a change of units m.inputRange = null helps."
    );
  }
}

function* units(facts) {
  for (const [k, place] of facts.places.entries()) {
    const dead = deadUnits(facts.places, k);
    if (2 * dead > place.units && facts.blamesRate) {
      yield `${dead} of ${place.units} units of layer ${place.i} fire on nothing, as after a rate that was too high: ${facts.cure}`;
    }
    if (place.trained && place.number("i1", format.LAYER_STATE_W_FRAC) === format.MIN_W_FRAC) {
      yield `Weights of layer ${place.i} are as large as they can be, as after a rate that was too high: ${facts.cure}`;
    }
  }
}

function* guessing(facts) {
  if (facts.guesses) {
    yield (
      `After ${facts.steps} samples it does no better than guessing. Does each x come with its own y? Labels that contradict` +
      " each other look like this, and an x that does not tell y."
    );
  }
}

const CAUSES = [stillX, ruin, rate, classes, outside, twins];
const SIGNS = [change, units, guessing]; // which may follow from those causes
