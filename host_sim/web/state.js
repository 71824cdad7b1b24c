// What a model has learned, beside its answers: settings and ranges, weights, numbers of learning, what it knows; and how it
// begins anew. It is tinyprop_state.py once more.

import { layout, letterOf } from "./core.js";
import * as format from "./format.js";
import { MOST, checkSeed, general, kindOf, lrOf, numberAt, numbersAt, rangePlace, wrong } from "./layers.js";

export const ONE = 2 ** 28; // 1.0 of what is counted in Q.28
const DEAD_AFTER = 64; // samples on which a unit did not fire
const START = 256; // steps + START is what found rates fall with,
const SETTLED = 768; // up to here,
const SETTLED_MSE = 2304; // or with mse,
const JUDGED = 128; // targets from which on errors and spreads tell something (core/rate.c)
const MOST_DOUBT = 1 << 14;
const NO_FRAC = -32768;
const FAR = 0xffffffff; // as far as a place of which nothing is remembered
const STILL = 1.125; // energy of inputs that do not move: 1, and what rounding leaves
// Of weights that somebody set and that learn for the first time: far above that of most inputs, so the first steps are small.
const ENERGY_UNKNOWN = 4096;

// ---- what lies where in an image

// How much of nBytes, which a model of this spec has, is for samples that are remembered.
export function replayBytes(bytes, shapes, nBytes) {
  const spec = bytes.slice(0, format.MODEL_SPEC_BYTES + (format.LAYER_SPEC_BYTES * shapes.length) / format.SHAPE);
  spec.fill(0, format.MODEL_SPEC_SAVED_BYTES, format.MODEL_SPEC_SAVED_BYTES + 4);
  spec.fill(0, format.MODEL_SPEC_REPLAY, format.MODEL_SPEC_BYTES);
  return nBytes - layout(spec).nBytes;
}

export function memoryOf(model) {
  return replayBytes(model._image.bytes, model._shapes, model._image.length);
}

// A layer with weights: its number, its units, and where its parts are.
class Place {
  constructor(model, i, weights, channelsBelow) {
    this.model = model;
    this.i = i;
    this.weights = weights;
    this.state = model._state + format.MODEL_STATE_BYTES + format.LAYER_STATE_BYTES * i;
    const [units, fanIn] = model._shapes.slice(format.SHAPE * i + 2, format.SHAPE * i + 4);
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
    below = model._shapes[format.SHAPE * i + 2];
  }
  return places;
}

// For each class the step at which it was last shown, modulo 2^32, 0: never; for each output its error.
export function tally(model, places) {
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
  const { view } = model._image;
  view.setUint16(model._state + format.MODEL_STATE_N_SEEN + 2 * which, 0, true);
  forget(model); // what is remembered was measured as before
}

// What is remembered. The core does that with what has another format than x has now.
function forget(model) {
  model._reach = null; // of knows
  if (memoryOf(model)) {
    model._image.view.setInt16(model._state + format.MODEL_STATE_REPLAY_FRAC, NO_FRAC, true);
  }
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
    widths.push(model._shapes[format.SHAPE * i + 2]);
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

// Flat numbers, or nested ones in rows of units, as one Float32Array of n.
function finiteNumbers(name, values, n, units) {
  const rows = [];
  const flat = Float32Array.from(flattened(name, values, rows));
  const wrongRow = rows.find((row) => row !== values && row.length !== units);
  if (wrongRow) {
    const expected = `of ${units}, one for each unit: [input][unit] in a Dense`;
    throw new RangeError(`${name} has rows of ${wrongRow.length}, expected ${expected}`);
  }
  if (flat.length !== n) {
    throw new RangeError(`${name} has ${flat.length} numbers, expected ${n}`);
  }
  flat.forEach((value) => Math.abs(value) <= MOST || wrong(`one of ${name}`, value, "-3.4e+38 to 3.4e+38"));
  return flat;
}

// rows: a list that gets the rows, which are of numbers alone.
function flattened(name, values, rows) {
  if (Array.isArray(values) || letterOf(values)) {
    const items = [...values];
    if (items.every((value) => typeof value === "number")) {
      rows.push(values);
    }
    return items.flatMap((value) => (typeof value === "number" ? value : flattened(`one of ${name}`, value, rows)));
  }
  throw new TypeError(`${name} is ${kindOf(values)}, expected a typed array or a list of numbers`);
}

export function setWeights(model, i, givenWeights, givenBiases) {
  const place = placeOf(model, i);
  const { units, nWeights: n } = place;
  const wide = of12Bits(model);
  const weights = finiteNumbers("weights", givenWeights, n, units);
  const biases = finiteNumbers("biases", givenBiases, units, units);
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
  if (!placesOf(model).some((other) => other.trained && other.i <= place.i)) {
    forget(model); // what it made of samples is what was remembered
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
  const steps = model._number("u8", format.MODEL_STATE_STEPS);
  const c = falling(model, steps) / 2 ** brake(model);
  places.forEach((place, k) => {
    dead[place.i] = deadUnits(places, k);
    rates[place.i] = place.trained ? (model.lr ?? foundRate(place, c)) : null;
  });
  return {
    steps,
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

// Of learned ranges: how far values are from their centre in the mean, in half ranges. None before so many samples; the
// third one finds it.
export function spreads(model, which, least = 3) {
  const { view } = model._image;
  const { at, n, given } = rangePlace(view, which);
  const found = !given && model._number("u2", format.MODEL_STATE_N_SEEN + 2 * which) >= least;
  return Array.from({ length: found ? n : 0 }, (_, i) => {
    const place = at + format.LEARNED_RANGE_BYTES * i;
    const shift = numberAt(view, "i2", place + format.LEARNED_RANGE_SHIFT);
    return numberAt(view, "u4", place + format.LEARNED_RANGE_SPREAD) / 2 ** shift;
  });
}

// The mean error of always saying the middle of what y was, in half ranges; null where that is not known.
export function guessOf(model, least = 3) {
  const ofTargets = spreads(model, 1, least);
  return ofTargets.length ? ofTargets.reduce((a, b) => a + b) / ofTargets.length : null;
}

// How many units of a layer with relu fire on nothing. What they give is added up in the layer above, where sums that
// nothing is added to fall to 1.
export function deadUnits(places, k) {
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
export function falling(model, steps) {
  const [mantissa, shift] = lrOf(null);
  const t = Math.min(steps + START, model._mse ? SETTLED_MSE : SETTLED);
  return ((mantissa / 2 ** shift) * START) / t;
}

// How often these are halved, as errors are hardly smaller than those of the middle value.
function brake(model) {
  const guess = guessOf(model, JUDGED);
  if (guess === null) {
    return 0;
  }
  const error = model._number("u4", format.MODEL_STATE_ERROR) / ONE;
  return [5, 6, 7].filter((eighths) => error > (eighths / 8) * guess).length;
}

// The rate that a layer finds (core/rate.c), from what rates fall with; null before its first step.
function foundRate(place, c) {
  const q = place.energy();
  if (q === 0) {
    return null;
  }
  let n = 0;
  while (q > c * c * 2 * 4 ** n || q > 2 ** n) {
    n += 1;
  }
  return 1 / 2 ** n;
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
  const doubt = model._distances(x, squares);
  const nearest = squares.reduce((a, b) => Math.min(a, b));
  if (nearest === FAR) {
    throw new RangeError(
      "knows() compares x with remembered samples, and there are none: learn some. They are in a file of save(true)",
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
    const doubt = model._distances(null, squares, place);
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

// ---- beginning anew

// All from the state on becomes 0 and what init makes of it, but for what is to stay.
export function reset(model, seed) {
  checkSeed(seed);
  const { bytes, view } = model._image;
  const state = model._state;
  const saved = model._saved().length;
  const memory = saved - memoryOf(model);
  model._reach = null; // of knows
  const stays = [
    [state, format.MODEL_STATE_LOSS_COUNT], // n_seen
    [state + format.MODEL_STATE_REPLAY_FRAC, 2],
  ];
  const places = placesOf(model);
  for (const place of places) {
    if (!place.trained) {
      stays.push([place.state, format.LAYER_STATE_BYTES], [place.weights, place.end - place.weights]);
    }
  }
  const kept = stays.map(([at, n]) => [at, bytes.slice(at, at + n)]);
  if (memoryOf(model) && !model._mse) {
    // What is remembered was shown, at first.
    const shown = tally(model, places).map((step) => Math.min(step, 1));
    kept.push([places.at(-1).end, new Uint8Array(new Uint32Array(shown).buffer)]);
  }
  bytes.fill(0, state, rangePlace(view, 0).at);
  bytes.fill(0, rangePlace(view, 2).at, memory);
  bytes.fill(0, saved);
  model._image.init(seed);
  kept.forEach(([at, part]) => bytes.set(part, at));
}
