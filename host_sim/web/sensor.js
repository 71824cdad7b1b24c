// From a sensor to a network: tinyprop_sensor.py once more, and the same numbers.

import * as files from "./files.js";
import * as format from "./format.js";
import { Dense, count, numberAt, numbersAt, rangePlace, wrong } from "./layers.js";
import { Model } from "./model.js";
import { inputs } from "./words.js";

const MOST_READINGS = 256;
const LOWEST = -32768;
const HIGHEST = 32767;
const MOST_SQUARED = 2047;
const PER_AXIS = ["mean", "spread", "least", "most", "peaks", "crossings", "energy"];
const OF_TOTAL = ["total mean", "total spread"];

// The last readings of a sensor, and whole numbers that say what they are like.
//
// size   readings in a window, 2 to 256
// hop    readings from one window to the next; null: size, so windows lie side by side
// axes   numbers in a reading, 1 to 8
// scale  null: readings are whole numbers, -32768 to 32767, as sensors give them. Or what to multiply them by, to round
//        them then: 1000 for g
export class Window {
  constructor(size, { hop = null, axes = 1, scale = null } = {}) {
    this._size = count("size", size, MOST_READINGS, 2);
    this._hop = count("hop", hop ?? size);
    this._axes = count("axes", axes, 8);
    if (scale !== null && !(scale > 0)) {
      throw new RangeError(`scale is ${scale}, expected a number above 0, or null`);
    }
    this._scale = scale;
    this._readings = [];
    this.features = new Int32Array(this.names.length);
    this.clear();
  }

  // What each of the features is, in a list: "x mean", "x spread", ..
  get names() {
    const axes = Array.from({ length: this._axes }, (_, i) => {
      const axis = this._axes === 1 ? "" : this._axes <= 3 ? `${"xyz"[i]} ` : `${i} `;
      return PER_AXIS.map((name) => axis + name);
    });
    return [...axes.flat(), ...(this._axes === 3 ? OF_TOTAL : [])];
  }

  // Begins a new window: the readings so far are forgotten.
  clear() {
    this._readings = Array.from({ length: this._size }, () => Array(this._axes).fill(0));
    this._left = this._size;
  }

  // Takes a reading, a number if there is one axis, or a list of one for each axis. True when a window is full and
  // `features` tells of it.
  push(reading) {
    const values = typeof reading === "number" ? [reading] : [...reading];
    if (values.length !== this._axes) {
      throw new RangeError(`a reading has ${values.length} values, expected ${this._axes}`);
    }
    this._readings.push(values.map((value) => this._whole(value)));
    this._readings.shift();
    this._left -= 1;
    if (this._left) {
      return false;
    }
    this._left = this._hop;
    this._look();
    return true;
  }

  _whole(value) {
    const scale = this._scale ?? 1;
    const scaled = value * scale;
    if (Number.isNaN(value) || scaled < LOWEST || scaled > HIGHEST) {
      const hint = Number.isNaN(value) ? "leave it out" : "a smaller scale takes more";
      throw new RangeError(`a reading is ${value}, expected ${LOWEST / scale} to ${HIGHEST / scale}: ${hint}`);
    }
    const whole = this._scale === null ? value : halfToEven(scaled);
    if (!Number.isInteger(whole)) {
      throw new TypeError(`a reading has ${value}, expected whole numbers: a Window with scale: 1000 makes them`);
    }
    return whole;
  }

  _look() {
    const features = [];
    for (let axis = 0; axis < this._axes; axis++) {
      features.push(...lookAlong(this._readings.map((reading) => reading[axis])));
    }
    if (this._axes === 3) {
      const totals = this._readings.map(length);
      const mean = Math.floor(sum(totals) / totals.length);
      features.push(mean, rootMeanSquare(totals, mean));
    }
    this.features.set(features);
  }
}

// As Python rounds.
function halfToEven(value) {
  const below = Math.floor(value);
  const up = value - below > 0.5 || (value - below === 0.5 && below % 2 !== 0);
  return below + Number(up);
}

function sum(values) {
  return values.reduce((a, b) => a + b, 0);
}

// The features of one axis, from its oldest reading to the newest one.
function lookAlong(values) {
  const mean = Math.floor(sum(values) / values.length);
  const spread = rootMeanSquare(values, mean);
  let peaks = 0;
  let crossings = 0;
  let wasAbove = values[0] > mean;
  let wasHigh = true; // a window that begins on a peak has not seen it rise
  for (const value of values) {
    if (value > mean !== wasAbove) {
      wasAbove = !wasAbove;
      crossings += 1;
    }
    const isHigh = value > mean + spread;
    peaks += isHigh && !wasHigh;
    wasHigh = isHigh;
  }
  return [mean, spread, Math.min(...values), Math.max(...values), peaks, crossings, rootMeanSquare(values, 0)];
}

// The length of a reading with three axes.
function length(reading) {
  const halved = Number(Math.max(...reading.map(Math.abs)) >= 16384);
  return root(sum(reading.map((value) => (Math.abs(value) >> halved) ** 2))) << halved;
}

// Of the differences from centre; in 11 bits of the largest one.
function rootMeanSquare(values, centre) {
  const differences = values.map((value) => Math.abs(value - centre));
  const most = Math.max(...differences);
  let shift = 0;
  while (most >> shift > MOST_SQUARED) {
    shift += 1;
  }
  const squares = differences.map((difference) => (difference >> shift) ** 2);
  return root(Math.floor(sum(squares) / squares.length)) << shift;
}

function root(n) {
  return Math.floor(Math.sqrt(n));
}

// ---- what is unusual

const KEPT = 128; // errors that the threshold comes from,
const ENOUGH = 64; // and the fewest it can come from
const MOST_SEEN = 0xffffffff;
// From the median to the upper quartile it is 0.67 standard deviations of a normal distribution; beyond three of them is
// one of 740.
const QUARTILES = 4.45;
const STILL = 31; // the shift of a range as long as all values were the same (core/ranges.c),
const MOVED = 4; // and the error, in units, if then one is another: far above all normal ones

// Learns what is normal, and says how unlike that something is.
//
// n           values of a sample
// hidden      a list of units, of the layers that a sample is squeezed through; null: one layer, of a quarter of n
// inputRange  as of Model
// seed        as of Model
//
// `model` is the network inside, which learns to repeat what is normal and fails at the rest. It sees values cut to what it
// takes for their range, or to twice an inputRange; how far beyond that they are counts as not repeated.
export class Anomaly {
  constructor(n, { hidden = null, inputRange = null, seed = 1 } = {}) {
    const squeezed = hidden ?? [1 + Math.floor(count("n", n) / 4)];
    if (!Array.isArray(squeezed) || !squeezed.length) {
      wrong("hidden", hidden, "a list of numbers of units");
    }
    // The narrowest is linear: relu would leave nothing of half of what it has to tell.
    const least = Math.min(...squeezed);
    const layers = squeezed.map((units) => Dense(units, { activation: units === least ? "linear" : "relu" }));
    const settings = { loss: "mse", seed, inputRange, outputRange: inputRange };
    this._begin(new Model(n, [...layers, Dense(n)], settings), new Uint8Array(4 + 2 * KEPT));
  }

  _begin(model, kept) {
    this.model = model;
    this._kept = kept; // what a file has behind the model: see docs/format.md
    this._threshold = null;
  }

  get _view() {
    return new DataView(this._kept.buffer);
  }

  // How many normal samples it has learned, some 4 billion at most; score needs 64.
  get seen() {
    return this._view.getUint32(0, true);
  }

  // Learns that x, as of Model, is normal. A few that are not do no harm among many.
  learn(x) {
    const { seen } = this;
    const values = inputs(this.model, x);
    this.model.learn(values, values);
    this._view.setUint32(0, seen < MOST_SEEN ? seen + 1 : seen - KEPT + 1, true);
    this._view.setUint16(4 + 2 * (seen % KEPT), Math.min(this._error(values), 65535), true);
    this._threshold = null;
  }

  // How unlike x is what was learned: up to 1 as normal samples are, above it as hardly any of them is, 2 if it is twice as
  // badly repeated as that. Learns nothing. The same on every machine, but for the rounding of floats.
  //
  // RangeError: it has learned less than 64 samples yet.
  score(x) {
    this._threshold ??= this._findThreshold();
    const values = inputs(this.model, x);
    this.model._run(values, values, null, false);
    return this._error(values) / this._threshold;
  }

  // How badly the network repeated x, its last sample: the root of the mean square in units of its map, 65536 for 1; as if
  // nothing had been cut.
  _error(x) {
    const error = root(this.model._number("u8", format.MODEL_STATE_LOSS_SUM) * 256);
    const square = beyond([...x], rangesOf(this.model._image.view));
    return square ? Math.sqrt(error * error + square * 65536 * 65536) : error;
  }

  // The error that hardly any normal sample has, before it is learned. Roots of mean squares are distributed nearly
  // normally; and a few samples among the last ones that were odd move neither the median nor the quartile much.
  _findThreshold() {
    const n = Math.min(this.seen, KEPT);
    if (n < ENOUGH) {
      throw new RangeError(`it has learned ${n} samples, and needs ${ENOUGH} to know what is unlike them`);
    }
    const errors = Uint16Array.from({ length: n }, (_, i) => this._view.getUint16(4 + 2 * i, true)).sort();
    const [middle, upper] = [errors[Math.floor(n / 2)], errors[Math.floor((3 * n) / 4)]];
    return Math.max(1, middle + QUARTILES * (upper - middle));
  }

  // The bytes of a file. Anomaly.load reads it.
  save() {
    return files.save(this.model, false, null, this._kept);
  }

  // The one in the bytes of a file, as load does for a Model.
  static load(bytes) {
    const anomaly = Object.create(Anomaly.prototype);
    const kept = new Uint8Array(4 + 2 * KEPT);
    anomaly._begin(Model._of(files.load(bytes, kept)), kept);
    return anomaly;
  }
}

// The middle and the unit of each map; 0 as long as all values were the same.
function rangesOf(view) {
  const { at, n, given } = rangePlace(view, 1);
  return Array.from({ length: n }, (_, i) => {
    if (given) {
      const [lo, hi] = numbersAt(view, "f4", at + format.RANGE_BYTES * i, 2);
      return [(lo + hi) / 2, (hi - lo) / 2];
    }
    const place = at + format.LEARNED_RANGE_BYTES * i;
    const scale = 2 ** -numberAt(view, "i2", place + format.LEARNED_RANGE_FRAC);
    const shift = numberAt(view, "i2", place + format.LEARNED_RANGE_SHIFT);
    const zero = numberAt(view, "i4", place + format.LEARNED_RANGE_ZERO);
    return [zero * scale, shift < STILL ? 2 ** shift * scale : 0];
  });
}

// The mean square of how far values are beyond where they are cut, 2 units of their map away from its middle, in these units.
function beyond(x, ranges) {
  const moved = 2 + MOVED * Math.sqrt(x.length);
  const squares = x.map((value, i) => {
    const [middle, unit] = ranges[i % ranges.length];
    const far = Math.abs(value - middle);
    const still = far * 2 ** 22 > Math.abs(middle) ? moved : 0; // rounding to float32 does not count
    const over = Math.max(0, (unit ? far / unit : still) - 2);
    return over * over;
  });
  return sum(squares) / x.length;
}
