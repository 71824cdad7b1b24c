// A model, as tinyprop.py has it: the arithmetic is the core's, and the rest is in parts that are named as those of Python.

import { check } from "./check.js";
import * as files from "./files.js";
import * as format from "./format.js";
import { build, inputShapeOf, numberAt } from "./layers.js";
import * as state from "./state.js";
import * as words from "./words.js";

// A network, its training state and its working memory, all in one image.
//
// inputShape    a number of values, [length, channels] or [height, width, channels]
// layers        a list of Dense, Conv2D, ...; the last one a Dense of one unit a class (2 or more) or output
// loss          "crossentropy" for classes, "mse" for numbers
// lr            learning rate: null finds one for each layer as it goes
// policy        Adaptive(), Diffused(), TinyPropV2(), TinyProp(), TopK(), Full()
// inputRange    null: learned from the values of x. Or given: [lo, hi], or a list of such pairs, one a channel
// outputRange   the same for y, with loss: "mse"
// replay        how many samples to remember, the same number of each class, or 0
// seed          0 to 2^30 - 1; the same seed gives the same weights on every machine
// classes       a list of names, of the first outputs or all; others get theirs from `learn`
export class Model {
  constructor(inputShape, layers, settings = {}) {
    this._attach(build(inputShape, layers, settings));
  }

  _attach({ image, shapes, names }) {
    this._image = image;
    this._names = names; // a list, null where an output has no name; or null if none has
    this._shapes = shapes; // as of layout
    const { bytes, view } = image;
    this._mse = bytes[format.MODEL_SPEC_LOSS] === format.MSE;
    this._state = format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * bytes[format.MODEL_SPEC_N_LAYERS];
    this._nIn = inputShapeOf(view).reduce((a, b) => a * b);
    const [height, width, channels] = shapes.slice(-format.SHAPE);
    this._nOut = height * width * channels;
    this._reach = null; // of knows
    Object.preventExtensions(this); // a setting that is misspelt is an error
  }

  toString() {
    return words.modelText(this);
  }

  // ---- learning and predicting

  // One step on one sample. True when it trained, false when the sample was skipped.
  //
  // x: a typed array or a list of numbers, as many as the input has, row by row, or lists within lists; of one value, a number.
  // y: a class number, or its name: a new one becomes that of the next free output. With loss: "mse" one target per output, or
  // a single number.
  // TypeError, RangeError: x or y is not like that; the model is unchanged.
  learn(x, y) {
    return this._run(x, y, null, true) === 1;
  }

  // One step on each of many samples, in order. Returns how many were not skipped.
  //
  // x: the samples one after the other in one typed array; y: the class numbers, or targets, in another. A list of samples
  // with a list of their y works as well.
  learnMany(x, y) {
    return this._many(x, y, true);
  }

  // The share of samples classified correctly, or with loss: "mse" the mean loss. Learns nothing. x, y: as in learnMany, but
  // at least one sample.
  evaluate(x, y) {
    if (x?.length === 0) {
      words.refuseNone();
    }
    const right = this._many(x, y, false);
    return this._mse ? this.loss : right / this._count();
  }

  // The most likely class of x: its name, if it has one, or its number. With loss: "mse" the output, or a list of all
  // outputs.
  predict(x) {
    if (this._mse) {
      const out = this._outputs(x);
      return this._nOut === 1 ? out[0] : out;
    }
    const label = this._predict(x, null);
    return this._names ? (this._names[label] ?? words.likeliest(this, x, label)) : label;
  }

  // The probability of each class, in a list. TypeError with loss: "mse", which has none.
  predictProba(x) {
    if (this._mse) {
      words.noClasses("predictProba");
    }
    return this._outputs(x);
  }

  // Whether x is like what it was taught. It needs replay, some 50 for each class.
  //
  // It is if a remembered sample is near, and the answer is no more in doubt than usual: as it is with 19 of 20 of these.
  // RangeError, TypeError: x is not as in learn, or nothing is remembered.
  knows(x) {
    return state.knows(this, x);
  }

  _outputs(x) {
    const out = new Float32Array(this._nOut);
    this._predict(x, out);
    return [...out];
  }

  _predict(x, out) {
    const label = this._image.predict(words.inputs(this, x), out);
    return label < 0 ? words.refused(this, label, x, null, null) : label;
  }

  // place: null, or of which remembered sample, in place of x
  _distances(x, squares, place = null) {
    const doubt = this._image.distances(words.inputs(this, x), squares, place);
    return doubt < 0 ? words.refused(this, doubt, x, null, null) : doubt;
  }

  _many(x, y, learning) {
    const many = words.inOneRow(this, Array.isArray(x) ? joined(x, this._nIn) : x, true);
    const total = Math.floor((many?.length ?? 0) / this._nIn);
    return this._run(many, Array.isArray(y) && this._mse ? joined(y, this._nOut) : y, total, learning);
  }

  // total: how many samples a call for many of them has, or null.
  _run(x, y, total, learning) {
    const { targets, names } = words.targets(this, y, total !== null, learning);
    const code = this._image.run(words.inputs(this, x, total !== null), targets, total ?? 1, learning);
    if (code < 0) {
      words.refused(this, code, x, y, total);
    }
    this._names = names;
    return code;
  }

  // ---- settings and state

  // Learning rate, null if each layer finds its own; may be set at any time.
  get lr() {
    const { bytes } = this._image;
    const rate = bytes[format.MODEL_SPEC_LR_MANTISSA] / 2 ** bytes[format.MODEL_SPEC_LR_SHIFT];
    return bytes[format.MODEL_SPEC_AUTO_RATE] ? null : rate;
  }

  set lr(value) {
    state.setLr(this, value);
  }

  // [lo, hi] of the values of x, or a list of such pairs, one a value or channel. A learned range shows what it is now, null
  // before the first sample; set it to null and it is learned anew.
  get inputRange() {
    return state.getRange(this, 0);
  }

  set inputRange(value) {
    state.setRange(this, 0, value);
  }

  // The same for y; null with classes.
  get outputRange() {
    return state.getRange(this, 1);
  }

  set outputRange(value) {
    state.setRange(this, 1, value);
  }

  // The names of the classes, in a list; null where an output has none.
  get classes() {
    return [...(this._names ?? Array(this._nOut).fill(null))];
  }

  // Mean loss over the samples of the last learn, learnMany or evaluate.
  get loss() {
    return this._number("u8", format.MODEL_STATE_LOSS_SUM) / (this._count() * 2 ** 24);
  }

  // How many samples the last call had, at least 1.
  _count() {
    return Math.max(1, this._number("u4", format.MODEL_STATE_LOSS_COUNT));
  }

  // A number of the state.
  _number(type, at) {
    return numberAt(this._image.view, type, this._state + at);
  }

  // What learning did so far; the names are those of stats() in docs/api.md.
  stats() {
    return state.stats(this);
  }

  // What is wrong and what to do, in a list of sentences, the most important first. [] when all is well.
  check() {
    return check(this);
  }

  // Begins anew: first weights, and counters at 0. Settings, ranges, samples that are remembered, and layers that are not
  // trained stay as they are.
  reset(seed = 1) {
    state.reset(this, seed);
  }

  // {weights, biases} of layer i as two Float32Array. Their order, and how exact they are, is that of weights() in docs/api.md.
  weights(i) {
    return state.getWeights(this, i);
  }

  // Gives layer i weights and biases: typed arrays or lists, nested or flat, in that order.
  //
  // RangeError: of another length, or one too large for the layer; nothing has changed then.
  setWeights(i, weights, biases) {
    state.setWeights(this, i, weights, biases);
  }

  // The layers and the RAM they take, as text.
  summary() {
    return words.summary(this);
  }

  // The bytes of a file, which tinyprop reads on every machine. It has all that was learned, counters and ranges included;
  // remembered samples only with replay = true.
  save(replay = false) {
    return files.save(this, replay);
  }

  // The model of which files.load tells.
  static _of(parts) {
    const model = Object.create(Model.prototype);
    model._attach(parts);
    return model;
  }

  // The part of the image that a file holds.
  _saved() {
    return this._image.bytes.subarray(0, this._image.view.getUint32(format.MODEL_SPEC_SAVED_BYTES, true));
  }
}

// The model in the bytes of a file. RangeError: it is no model, of another version, cut short or damaged.
export function load(bytes) {
  return Model._of(files.load(bytes));
}

// A list of rows of n numbers, or of single numbers, as one list; as it is if it holds something else.
function joined(rows, n) {
  const isNumber = (value) => typeof value === "number";
  const fits = rows.every((row) => isNumber(row) || (row?.length === n && Array.from(row).every(isNumber)));
  return fits ? rows.flatMap((row) => (isNumber(row) ? row : [...row])) : rows;
}
