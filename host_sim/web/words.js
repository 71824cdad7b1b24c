// A model in words, names of classes, and what a call is given: as the core takes it, or why it is refused. It is
// tinyprop_words.py once more.

import { letterOf } from "./core.js";
import { packed } from "./files.js";
import * as format from "./format.js";
import { checkName, inputShapeOf, kindOf, layerText, numberAt, short, shown, wrong } from "./layers.js";
import { memoryOf, placesOf, tally } from "./state.js";

// ---- a model in words

function shapeText([height, width, channels]) {
  return height === 1 && width === 1 ? String(channels) : `${height} x ${width} x ${channels}`;
}

// Of each: as it is written, shape of its output, parameters, multiply-accumulates, and bytes of RAM.
export function layersOf(model) {
  const { bytes, view } = model._image;
  return Array.from({ length: model._shapes.length / format.SHAPE }, (_, i) => {
    const [height, width, channels, fanIn, learned, outputs, work] = model._shapes.slice(
      format.SHAPE * i,
      format.SHAPE * (i + 1),
    );
    const at = format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * i;
    const weighted = bytes[at] <= format.DEPTHWISE;
    return {
      text: layerText(view, at),
      shape: [height, width, channels],
      parameters: weighted ? (fanIn + 1) * channels : 0,
      macs: weighted ? height * width * channels * fanIn : 0,
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
  const text = [shapeText(inputShapeOf(model._image.view)), ...layers.map((layer) => layer.text)].join(" -> ");
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

// ---- names of classes

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
  const isTaken = (name, i) => name || last[i] || (learning && labels.includes(i));
  const unused = names.findIndex((name, i) => !isTaken(name, i));
  if (learning && unused >= 0) {
    return unused;
  }
  const known = short(names.flatMap((name, i) => (isTaken(name, i) ? [name ?? i] : [])).join(", "));
  if (!learning) {
    wrong(what, label, `one of the classes, ${known || "of which it knows none"}`);
  }
  const alike = names.find((name) => name && letters(name) === letters(label));
  throw new RangeError(
    `${what} is ${shown(label)}, a new class, and each of the ${names.length} outputs has one: ${known}.` +
      ` ${alike ? `Is it ${shown(alike)}? Else make` : "Make"} a new Model whose last layer has more units`,
  );
}

// The same for names that are easily mistaken: "Dry" and "dry ", "wave" and "wvae".
function letters(name) {
  return [...name.trim().toLowerCase()].sort().join("");
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

export function classText(model, label) {
  return model.classes[label] ?? String(label);
}

// ---- what a call is given

// A list of numbers as a typed array; all else as it is.
export function numbers(x) {
  return Array.isArray(x) && x.every((value) => typeof value === "number") ? Float32Array.from(x) : x;
}

// x as the core takes it. many: whether x has samples, and is none.
export function inputs(model, x, many = false) {
  return numbers(inOneRow(model, x, many));
}

// x in one row: a single number as well, where a sample is one, and lists within lists; all else as it is.
export function inOneRow(model, x, many) {
  const shape = shapeOf(x);
  if (shape.length > (many ? 2 : 1)) {
    return unnested(model, x, shape, many);
  }
  return model._nIn === 1 && typeof x === "number" ? [x] : x;
}

// How long lists within lists are, going by the first one of each.
function shapeOf(x) {
  const isRow = x?.length > 0 && (Array.isArray(x) || letterOf(x));
  return isRow ? [x.length, ...shapeOf(x[0])] : [];
}

// Lists within lists, such as the rows of pictures, as one list. Sizes of 1 do not count, and either the model or x
// may have a sample in one row.
function unnested(model, x, shape, many) {
  const aboveOne = (sizes) => sizes.filter((size) => size > 1);
  const sample = aboveOne(inputShapeOf(model._image.view));
  const found = aboveOne(shape.slice(many ? 1 : 0));
  const inARow = found.length === 1 || sample.length === 1;
  const n = found.reduce((a, b) => a * b, 1);
  if (String(found) !== String(sample) && !(inARow && n === model._nIn)) {
    const expected = [...(many ? shape.slice(0, 1) : []), ...(sample.length ? sample : [1])];
    throw new RangeError(`x is of shape [${shape.join(", ")}], expected [${expected.join(", ")}]`);
  }
  checkNested("x", x, shape);
  return poured(x);
}

// Throws where lists within lists are not of this shape, or hold what is no number.
function checkNested(name, items, [n, ...inner]) {
  checkLength(name, items, n, `a list of ${n}`);
  if (inner.length) {
    items.forEach((item, i) => checkNested(`${name}[${i}]`, item, inner));
  } else {
    refuseItems(name, items, (value) => typeof value === "number", "a number", 0);
  }
}

// A number, or all those of lists within lists, in one list.
function poured(x) {
  return typeof x === "number" ? [x] : Array.from(x).flatMap(poured);
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

// Throws why a call was refused. total: how many samples a call for many of them has, or null.
export function refused(model, code, x, y, total) {
  const many = total !== null;
  const samples = total ?? 1;
  const nTargets = samples * (model._mse ? model._nOut : 1);
  if (code === format.E_X_LENGTH) {
    throw new RangeError(`x has ${x.length} values, expected ${many ? "a multiple of " : ""}${model._nIn}`);
  }
  if (code === format.E_Y_LENGTH) {
    const each = samples > 1 ? `: ${nTargets / samples} for each of ${samples} samples` : "";
    throw new RangeError(`y has ${y.length ?? 1} values, expected ${nTargets}${each}`);
  }
  if (code === format.E_X_TYPE) {
    refuseItems("x", x, (value) => typeof value === "number", "a number", many ? model._nIn : 0);
    throw new TypeError(`x is ${kindOf(x)}, expected a typed array of integers or Float32Array, or a list`);
  }
  if (code === format.E_Y_TYPE && !(Number.isInteger(y) && !model._mse)) {
    const [fits, number] = model._mse
      ? [(value) => typeof value === "number", "number"]
      : [Number.isInteger, "class number"];
    const [one, name] = many && Array.isArray(y) ? [y[0], "y[0]"] : [y, "y"];
    const isOneHot = !model._mse && Array.isArray(one) && one.length === model._nOut;
    const hint = isOneHot
      ? `, such as ${name}.indexOf(1)`
      : typeof one === "number"
        ? ', or a model of numbers: loss: "mse"'
        : " or its name";
    const single = `a ${number}${model._mse ? "" : hint}`;
    refuseItems("y", y, fits, single, many && model._mse ? model._nOut : 0);
    const expected = nTargets === 1 ? single : `a typed array or a list of ${nTargets} ${number}s`;
    throw new TypeError(`y is ${kindOf(y)}, expected ${expected}`);
  }
  if (code === format.E_X_FINITE) {
    refuseNumber("x", x, model._nIn, samples > 1);
  }
  if (code === format.E_Y_FINITE) {
    refuseNumber("y", y, model._nOut, samples > 1);
  }
  if (code === format.E_Y_CLASS || code === format.E_Y_TYPE) {
    const label = (y.length ? [...y] : [y]).find((value) => value < 0 || value >= model._nOut); // of names it is neither
    wrong("y", label, `a class number, 0 to ${model._nOut - 1}`);
  }
  if (code === format.E_NO_RANGE) {
    const unknown = ["inputRange", ...(model._mse ? ["outputRange"] : [])].filter((name) => model[name] === null);
    throw new RangeError(`no ${unknown.join(" or ")} is known: learn first, or give it as [lo, hi]`);
  }
  throw new RangeError("the model is damaged");
}

export function noClasses(name) {
  throw new TypeError(`${name} needs classes, and this model has loss: "mse": use predict`);
}

export function refuseNone() {
  throw new RangeError("evaluate needs one sample or more, and x has none");
}

// Throws which number is none that can be learned from, of a number or many in a row, nValues a sample.
function refuseNumber(name, values, nValues, many) {
  const all = poured(values);
  const i = all.findIndex((value) => !(Math.abs(value) <= 3.4e38));
  const sample = many ? `[${Math.floor(i / nValues)}]` : "";
  const place = nValues > 1 ? `[${i % nValues}]` : "";
  throw new RangeError(
    `${name} holds a NaN, an infinity, or a number beyond 3.4e+38: ${name}${sample}${place} is ${all[i]}.` +
      " Leave such samples out",
  );
}

// Throws which item of a list is not as it should be. nValues: how many an item has that is a sample; 0 if items are to be
// single numbers.
function refuseItems(name, items, fits, expected, nValues) {
  (Array.isArray(items) ? items : []).forEach((item, i) => {
    const where = `${name}[${i}]`;
    if (nValues && !fits(item)) {
      checkLength(where, item, nValues, expected + (nValues > 1 ? ` or a list of ${nValues}` : ""));
      refuseItems(where, item, fits, expected, 0);
    } else if (!fits(item)) {
      throw new TypeError(`${where} is ${shown(item)}, expected ${expected}`);
    }
  });
}

// Throws if it is no row of n values.
function checkLength(name, row, n, expected) {
  if (!Array.isArray(row) && !letterOf(row)) {
    throw new TypeError(`${name} is ${shown(row)}, expected ${expected}`);
  }
  if (row.length !== n) {
    throw new RangeError(`${name} has ${row.length} values, expected ${n}`);
  }
}
