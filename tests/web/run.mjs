// node run.mjs digests                 prints {"mlp Full": digest, ...}
// node run.mjs windows <CASES.json     prints the features of readings: [[size, hop, axes, scale, readings], ...]
// node run.mjs describe <FILES.json    prints what the library says of each model in a list of files in base64
import { readFileSync } from "node:fs";
import * as tp from "../../dist/web/tinyprop/tinyprop.js";
import { digests } from "./digests.js";

function weightsOf(model) {
  const all = [];
  for (let i = 0; i < model.stats().rates.length; i++) {
    try {
      const { weights, biases } = model.weights(i);
      all.push([...weights], [...biases]);
    } catch (error) {
      all.push(error.message);
    }
  }
  return all;
}

// Of the model in a file; then once more, begun anew.
function describe(file) {
  const model = tp.load(Buffer.from(file, "base64"));
  const said = {
    stats: Object.values(model.stats()),
    check: model.check(),
    summary: model.summary(),
    ranges: [model.inputRange, model.outputRange],
    settings: [model.lr, model.loss, model.classes],
    weights: weightsOf(model),
    again: Buffer.from(model.save(true)).toString("base64") === file,
    without: Buffer.from(model.save()).toString("base64"),
  };
  model.reset(5);
  return { ...said, anew: Buffer.from(model.save(true)).toString("base64") };
}

function windows([size, hop, axes, scale, readings]) {
  const window = new tp.Window(size, { hop, axes, scale });
  return readings.map((reading) => (window.push(reading) ? [...window.features] : null));
}

const [command] = process.argv.slice(2);
const each = { describe, windows }[command];
const result = each ? JSON.parse(readFileSync(0, "utf8")).map(each) : await digests(tp);
process.stdout.write(JSON.stringify(result));
