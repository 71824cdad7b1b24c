// What is wrong with how a model learns, and what to do. It is tinyprop_check.py once more.

import { crc32 } from "./crc32.js";
import * as format from "./format.js";
import { general, numberAt, numbersAt, rangePlace } from "./layers.js";
import { ONE, deadUnits, falling, guessOf, placesOf, spreads, tally } from "./state.js";
import { classText } from "./words.js";

const IN_THE_END = 1 << 20; // steps, after which found rates fall no more
const UNTIL_SETTLED = 844; // what they come to until then, in steps of the last one
const UNTIL_SETTLED_MSE = 5062;
const SOME = 50; // samples, before which nothing is wrong yet
const SENSORS = 32; // so few values of x may be sensors; pictures have corners that stay black
const FEW = 10; // of one class in a row; by chance as good as never, if classes come in turn
const STRAY = 0.05; // so many values may lie outside a range that was given
const GUESS = 0.3; // error of guessing numbers in a given range, as a share of half of it

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
    this.shown = model._mse ? [] : tally(model, this.places);
    this.nShown = this.shown.filter((step) => step).length; // others may be spare
    let guess = 1 - 1 / Math.max(1, this.nShown);
    if (model._mse) {
      guess = guessOf(model) || GUESS;
    }
    this.wrong = this.error / (guess || 1);
    // A guess of mse with a given range is none.
    const learned = !model._mse || !rangePlace(this.view, 1).given;
    const enough = model._mse ? 1000 : 200 * this.nShown;
    this.guesses = learned && this.steps >= enough && this.wrong > 0.95;
    // With rates that it finds, guessing explains units that are dead, and not the other way.
    this.blamesRate = model.lr !== null || !this.guesses;
    this.cure = model.lr === null ? "m.reset()." : "m.lr = null, then m.reset().";
  }
}

// one or many, with the numbers in it.
function names(one, many, all) {
  const text = all.slice(0, 6).join(", ") + (all.length > 6 ? ", .." : "");
  return (all.length === 1 ? one : many).replace("%", text);
}

// The share of values of x, or with 1 of y, that were too far outside their range.
function shareOutside({ model, steps }, which) {
  const at = [format.MODEL_STATE_N_OUTSIDE, format.MODEL_STATE_N_OUTSIDE_Y][which];
  return model._number("u4", at) / steps / [model._nIn, model._nOut][which];
}

function* stillX(facts) {
  const { n, given } = rangePlace(facts.view, 0);
  const still = spreads(facts.model, 0, SOME).flatMap((spread, i) => (spread === 0 ? [i] : []));
  if (still.length === n) {
    facts.moves = false;
    yield "x never changes: all samples were the same, in the seven digits that count. Is it read anew for each of them?";
  } else if (still.length > (n <= SENSORS ? 0 : Math.floor(n / 2))) {
    const [value, values] = n === facts.model._nIn ? ["Value", "Values"] : ["Channel", "Channels"];
    const what = names(`${value} % of x has`, `${values} % of x have`, still);
    yield `${what} not moved yet: is a sensor not connected?`;
  }
  const first = facts.places[0];
  if (given && first.i === 0 && !first.inputsMove() && facts.wrong > 0.75) {
    facts.moves = false;
    if (shareOutside(facts, 0) <= STRAY) {
      yield "x hardly moves within inputRange: give a narrower one, or leave it out.";
    }
  }
}

function* stillY(facts) {
  const found = spreads(facts.model, 1, SOME);
  if (found.length && found.every((spread) => spread === 0)) {
    yield "y never changes: all targets were the same, in the seven digits that count. Are they those of the samples?";
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
  const c = falling(facts.model, IN_THE_END);
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
  const enough = facts.model._mse ? UNTIL_SETTLED_MSE : UNTIL_SETTLED;
  if (most > 5 * lr && (facts.steps * lr < enough * most || facts.wrong > 0.75)) {
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
  const last = facts.shown;
  const ago = last.map((step) => (((facts.steps - step) % 2 ** 32) + 2 ** 32) % 2 ** 32);
  const alone = [...ago].sort((a, b) => a - b)[1];
  const latest = classText(facts.model, ago.indexOf(Math.min(...ago)));
  // Classes one after the other, or each twice: later a rare class may stay away for so long.
  const isBeginning = 2 * facts.nShown * alone >= facts.steps;
  if (facts.nShown === 1) {
    yield `All samples were of class ${latest}, and so will be all answers: show others, too.`;
  } else if (alone >= (isBeginning ? FEW : SOME) && !facts.replay) {
    yield (
      `The last ${alone} samples were all of class ${latest}, and what it knows of the others fades:` +
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
  const given = [0, 1].map((which) => rangePlace(facts.view, which).given);
  const [x, y] = [0, 1].map((which) => shareOutside(facts, which));
  if (given[0] && x > STRAY) {
    yield (
      `${(100 * x).toFixed()} % of the values of x are outside inputRange, and count as its ends: give a wider one, or leave` +
      " it out."
    );
  }
  if (given[1] && y > STRAY) {
    yield (
      `${(100 * y).toFixed()} % of the values of y are so far outside outputRange that they were cut, to half its width` +
      " beyond its ends: give a wider one, or leave it out."
    );
  }
  // At first some are.
  if (facts.model._mse && !given[1] && y > 0.01 + 5 / facts.steps) {
    yield (
      `${(100 * y).toFixed()} % of the values of y were so far from the others that they were cut: give outputRange, if they are` +
      " right."
    );
  }
}

// How many values of a sample are remembered: the inputs of the lowest trained layer.
function valuesOfMemory({ model, places }) {
  const { i } = places.find((place) => place.trained);
  return i === 0
    ? model._nIn
    : model._shapes.slice(format.SHAPE * (i - 1), format.SHAPE * (i - 1) + 3).reduce((a, b) => a * b);
}

// Remembered samples that are the same but for their labels. What is where: core/replay.c.
function* twins(facts) {
  const { model, view, places } = facts;
  const nClasses = model._nOut;
  if (!facts.replay || model._mse) {
    return;
  }
  let at = places.at(-1).end + 4 * nClasses;
  const { n: nMaps, given } = rangePlace(view, 0);
  if (!given && places[0].trained) {
    at += 8 * nMaps;
  }
  const seen = numbersAt(view, "u2", at, nClasses);
  const valuesOfEach = valuesOfMemory(facts);
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
      ` lacks what tells them apart${given ? "" : ", or came before its range was known: give inputRange"}.`
    );
  }
}

// With classes the error is a mean of some 127 values of 0 to 1, so its variance is at most m (1 - m) / 127; five deviations
// are no chance.
function* change(facts) {
  const m = facts.model._mse ? 0 : Math.min(1, (facts.error + facts.least) / 2);
  const chance = 5 * ((m * (1 - m)) / 127) ** 0.5;
  if (facts.wrong > 0.4 && facts.error - facts.least > Math.max(facts.error / 2, chance)) {
    yield (
      `The error is ${general(facts.error / (facts.least || 1 / ONE), 2)} times what it was once. Has a sensor changed, or what` +
      " a label means? It learns that as it goes; after a change of units m.inputRange = null helps" +
      (facts.model._mse ? ", of y m.outputRange = null." : ".") +
      (facts.replay ? " What it remembers is from before: to forget that, save it and load it." : "")
    );
  }
}

function* units(facts) {
  for (const [k, place] of facts.places.entries()) {
    const dead = deadUnits(facts.places, k);
    if (2 * dead > place.units && facts.blamesRate && facts.wrong > 0.3) {
      yield `${dead} of ${place.units} units of layer ${place.i} fire on nothing, as after a rate that was too high: ${facts.cure}`;
    }
    if (place.trained && place.number("i1", format.LAYER_STATE_W_FRAC) === format.MIN_W_FRAC) {
      yield `Weights of layer ${place.i} are as large as they can be, as after a rate that was too high: ${facts.cure}`;
    }
  }
}

const REMEMBERS =
  " And what it remembers contradicts what comes now, if y has come to mean something else: save it, load it without what it" +
  " remembers, and learn on.";

function* guessing(facts) {
  if (facts.guesses) {
    yield (
      `After ${facts.steps} samples it does no better than guessing. Does each x come with its own y? Labels that contradict` +
      " each other look like this, and an x that does not tell y." +
      (facts.replay && facts.model._mse ? REMEMBERS : "")
    );
  }
}

const CAUSES = [stillX, stillY, ruin, rate, classes, outside, twins];
const SIGNS = [change, units, guessing]; // which may follow from those causes
