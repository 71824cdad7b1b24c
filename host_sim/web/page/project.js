// What a person teaches: the examples, the names of the classes, the layers, and the network that learned from them. It
// knows nothing of the page.

import { save } from "./tinyprop/files.js";
import { placesOf } from "./tinyprop/state.js";
import * as tp from "./tinyprop/tinyprop.js";
import { layersOf } from "./tinyprop/words.js";

export const MOST_CLASSES = 9;
export const MOST_LAYERS = 4;
const MOST_EXAMPLES = 600;
const MOST_POINTS = 300; // of the curve
const LATELY = 20; // guesses that "lately" is about
const REMEMBERED = 20; // samples of each class
const FIRST_LAYERS = [{ kind: "Dense", size: 16 }];
const FIRST_NAMES = ["one", "two", "three"];

// Layers that a person can choose. sizes: what a number beside it means, and its bounds.
export const KINDS = {
  Dense: { sizes: ["units", 1, 64], make: (n) => tp.Dense(n, { activation: "relu" }) },
  Conv2D: {
    sizes: ["filters", 1, 16],
    make: (n) => tp.Conv2D(n, 3, { padding: "same", activation: "relu" }),
    maps: true,
  },
  MaxPool2D: { sizes: null, make: () => tp.MaxPool2D(2), maps: true },
};

// The layer that is written so, if a person can choose it.
function layerOf(text) {
  for (const [kind, { sizes, make }] of Object.entries(KINDS)) {
    const size = sizes ? Number(text.match(/\((\d+)/)?.[1]) : undefined;
    if (text.startsWith(`${kind}(`) && String(make(size)) === text) {
      return { kind, size };
    }
  }
  return undefined;
}

// The first of "thing 4", "thing 5", .. that is no name yet.
function unused(names, what, n) {
  return names.includes(`${what} ${n}`) ? unused(names, what, n + 1) : `${what} ${n}`;
}

// Names as files have them: of each class one, and no two the same.
function differing(names) {
  const all = [...names];
  all.forEach((name, label) => {
    if (!name || all.indexOf(name) < label) {
      all[label] = unused(all, "class", label + 1);
    }
  });
  return all;
}

// What a network is: what it reads, its layers, and what it tells apart.
function describe(model, names) {
  const [layers] = String(model).split(";");
  return JSON.stringify([layers, model._mse, names]);
}

export class Project {
  constructor(source) {
    this.startOver(source);
  }

  startOver(source) {
    this.layers = FIRST_LAYERS;
    this.names = [...FIRST_NAMES];
    this.turnTo(source);
  }

  // Another way to show something needs another network.
  turnTo(source) {
    this.source = source;
    this.layers = (this.layers ?? FIRST_LAYERS).filter(({ kind }) => !KINDS[kind].maps || source.shape.length === 3);
    this.examples = [];
    this.begin();
  }

  // A network from elsewhere, of whose layers some may be unknown here: then layers is null, and they stay as they are.
  take(model, source, names = model.classes) {
    this.source = source;
    this.names = names.map((name, label) => name ?? `class ${label + 1}`);
    this.model = model;
    this.examples = [];
    this.forget();
    const texts = layersOf(model).map(({ text }) => text);
    this.layers = texts.slice(0, -1).map(layerOf);
    if (this.layers.includes(undefined)) {
      this.layers = null;
    }
  }

  // The network as it has become on a board, which got it with these names. RangeError: it does not fit what is here; all is
  // as it was then.
  takeBack(model, names) {
    if (describe(model, model.classes) !== describe(this.model, differing(names))) {
      throw new RangeError(
        "The board has another network than this page, so your examples and names are not its own. Press Undo until they" +
          " are, or give it the network of this page.",
      );
    }
    const { examples, guesses, points, layers } = this;
    this.take(model, this.source, this.names);
    Object.assign(this, { examples, guesses, points, layers });
  }

  // A new network that knows nothing.
  begin() {
    const layers = this.layers.map(({ kind, size }) => KINDS[kind].make(size));
    const classes = this.names.length;
    this.model = new tp.Model(this.source.shape, [...layers, tp.Dense(classes)], {
      inputRange: this.source.range,
      replay: REMEMBERED * classes,
    });
    this.forget();
  }

  forget() {
    this.guesses = []; // whether each was right, before it was told
    this.points = []; // [error, share of right guesses, share skipped]
    this.moved = null;
  }

  // Changes names or layers and learns all examples again. RangeError: such layers do not fit; all is as it was then.
  change(alter) {
    const { names, layers, model, examples, guesses, points } = this;
    this.names = [...names];
    this.layers = (layers ?? FIRST_LAYERS).map((layer) => ({ ...layer }));
    try {
      alter(this);
      this.begin();
    } catch (error) {
      Object.assign(this, { names, layers, model, examples, guesses, points });
      throw error;
    }
    this.examples = [];
    examples.filter(({ y }) => y < this.names.length).forEach(({ x, y }) => this.teach(x, y));
  }

  addClass() {
    this.change(({ names }) => names.push(unused(names, "thing", names.length + 1)));
  }

  removeClass(label) {
    this.examples = this.examples.filter(({ y }) => y !== label).map(({ x, y }) => ({ x, y: y > label ? y - 1 : y }));
    this.change((project) => project.names.splice(label, 1));
  }

  // One example. It is learned as often as its source says: of a drawing there is but one, of a sound there are many.
  teach(x, y) {
    if (this.knowsAnything()) {
      this.guesses.push(this.guess(x) === y);
    }
    const before = this.weights();
    for (let i = 0; i < this.source.times; i++) {
      this.model.learn(x, y);
    }
    this.moved = this.weights().map(({ values }, k) => values.map((w, i) => w !== before[k].values[i]));
    this.examples.push({ x, y });
    this.examples.splice(0, this.examples.length - MOST_EXAMPLES);
    this.guesses.splice(0, this.guesses.length - LATELY);
    const { error, steps, skipped } = this.model.stats();
    this.points.push([error, this.lately(), skipped / steps]);
    this.points.splice(0, this.points.length - MOST_POINTS);
  }

  // The likeliest class number.
  guess(x) {
    const shares = this.model.predictProba(x);
    return shares.indexOf(Math.max(...shares));
  }

  // The bytes of model.tp, which has the names.
  file(replay = false, names = this.names) {
    return save(this.model, replay, differing(names));
  }

  // Of the classes in a table.
  labels() {
    return differing(this.names);
  }

  nameOf(label) {
    return this.names[label] || `class ${label + 1}`;
  }

  // What is wrong and what to do, in a list of sentences.
  check() {
    this.model._names = differing(this.names); // which they mention
    return this.model.check();
  }

  knowsAnything() {
    return this.model.stats().steps > 0;
  }

  // Of the last guesses, the share that was right; null before there are any.
  lately() {
    return this.guesses.length ? this.guesses.filter(Boolean).length / this.guesses.length : null;
  }

  counts() {
    return this.names.map((_, label) => this.examples.filter(({ y }) => y === label).length);
  }

  // Of each layer that has any, as the whole numbers that the network stores.
  weights() {
    const { view } = this.model._image;
    return placesOf(this.model).map(({ weights, nWeights, units }) => ({
      units,
      values: Array.from({ length: nWeights }, (_, i) => view.getInt16(weights + 2 * i, true)),
    }));
  }
}
