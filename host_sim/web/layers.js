// What a model is built from: layers, policies, and how it is built. It is tinyprop_layers.py once more, with
// what of tinyprop_words.py it needs: a layer as it is written, and why a model cannot be.

import { Image, layout } from "./core.js";
import * as format from "./format.js";

const FIRST_LR = 0.3; // what rates that find themselves start from (core/rate.c)
const LONGEST_NAME = 255; // bytes of UTF-8: a file has their number in one
const LONGEST_SHOWN = 100; // characters of what an error repeats
export const MOST = 3.4e38; // where float32 ends

export function wrong(name, value, expected) {
  throw new RangeError(`${name} is ${shown(value)}, expected ${expected}`);
}

export function shown(value) {
  return short(typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value)));
}

export function short(text) {
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}..`;
}

export function kindOf(value) {
  return typeof value === "object" && value ? `a ${value.constructor.name}` : shown(value);
}

// As Python's %.<digits>g, which rounds halves to even, and toExponential up.
export function general(value, digits) {
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

// The settings that were given, or what they are by default, as where one is undefined. A name that is misspelt is an error.
function settingsOf(what, given, defaults) {
  for (const name of Object.keys(given)) {
    if (!(name in defaults)) {
      throw new TypeError(`${what} has no setting ${name}; there are: ${Object.keys(defaults).join(", ")}`);
    }
  }
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(said) };
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

export function numbersAt(view, type, at, n) {
  return Array.from({ length: n }, (_, i) => numberAt(view, type, at + Number(type[1]) * i));
}

// ---- layers: each has its spec, the bytes that a model and a file hold

class Layer {
  constructor(kind, units, kernel, strides, { padding = "valid", activation = "linear", trainable = true }) {
    if (activation === "softmax") {
      throw new RangeError('activation is "softmax": leave it away, loss: "crossentropy" has it');
    }
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

// A layer as it is written in JavaScript, from its spec at an offset.
export function layerText(view, at) {
  const [kind, activation, trainable, same, ...sizes] = numbersAt(view, "u1", at, 8);
  let [height, width, down, right] = sizes;
  const units = numberAt(view, "u2", at + format.LAYER_SPEC_UNITS);
  let name = ["Dense", "Conv2D", "DepthwiseConv2D", "MaxPool2D", "AvgPool2D"][kind];
  if (kind !== format.DEPTHWISE && height === 1 && down === 1 && Math.max(width, right) > 1) {
    [name, height, down] = [name.replace("2D", "1D"), width, right];
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

// MaxPool2D for a series.
export function MaxPool1D(poolSize = 2) {
  return MaxPool2D([1, poolSize]);
}

// The mean of each window of poolSize, one number or [height, width].
export function AvgPool2D(poolSize = 2) {
  const size = pair("poolSize", poolSize);
  return new Layer(format.AVGPOOL, 0, size, size, {});
}

// AvgPool2D for a series.
export function AvgPool1D(poolSize = 2) {
  return AvgPool2D([1, poolSize]);
}

// The mean of each channel over the whole input.
export function GlobalAvgPool2D() {
  return new Layer(format.AVGPOOL, 0, [0, 0], [0, 0], {});
}

// GlobalAvgPool2D for a series.
export function GlobalAvgPool1D() {
  return GlobalAvgPool2D();
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
    if (kind === format.DIFFUSED) {
      q15[0] = Math.max(q15[0], 1 << 7); // the threshold has no bits for less (core/select.c)
    }
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
export function lrOf(value) {
  let rate = value === null ? FIRST_LR : value;
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

export function checkName(what, name, expected = "a name") {
  if (typeof name !== "string") {
    throw new TypeError(`${what} is ${shown(name)}, expected ${expected}`);
  }
  if (/\p{Surrogate}/u.test(name)) {
    wrong(what, name, "a name of whole letters: it has half of one, which no file can hold");
  }
  const { length } = new TextEncoder().encode(name);
  if (length < 1 || length > LONGEST_NAME) {
    wrong(what, name, `a name of 1 to ${LONGEST_NAME} bytes in UTF-8: it has ${length}`);
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

export function checkSeed(seed) {
  count("seed", seed, 2 ** 30 - 1, 0);
}

export function inputShapeOf(view) {
  return numbersAt(view, "u2", format.MODEL_SPEC_IN_H, 3);
}

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

// What Model says. Returns the image of a new model, the shapes of its layers and the names of its classes.
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
  dimensions.forEach((n, i) => count(Array.isArray(shapeGiven) ? `inputShape[${i}]` : "inputShape", n));
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

// ---- models that cannot be

// Why a spec has no layout, in words. shapes: as layout left them.
function layoutError(code, view, shapes) {
  if (code === format.E_OUTPUT) {
    const last = format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * (shapes.length / format.SHAPE - 1);
    return `the last layer is ${layerText(view, last)}, expected a linear Dense, without an activation`;
  }
  let i = 0;
  while (format.SHAPE * i < shapes.length && shapes[format.SHAPE * i]) {
    i += 1;
  }
  if (format.SHAPE * i === shapes.length) {
    return "the model needs more than 2 GB: remember fewer samples"; // no layer can
  }
  const below = i ? shapes.slice(format.SHAPE * (i - 1), format.SHAPE * (i - 1) + 3) : inputShapeOf(view);
  let fault = "does not fit";
  if (code === format.E_TOO_SLOW) {
    fault = "makes the model multiply more than 2^28 times a sample, with";
  } else if (code === format.E_TOO_BIG) {
    fault = `has more than ${format.MAX_VALUES} values with`;
  }
  const layer = layerText(view, format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * i);
  let hint = "";
  if (code === format.E_LAYER && below[0] === 1) {
    hint = ": for a series, [length, channels], there are Conv1D, MaxPool1D and AvgPool1D";
  }
  return `layer ${i}: ${layer} ${fault} an input of ${[...below].join(" x ")} (height, width, channels)${hint}`;
}
