// node web.mjs MODEL X Y STEPS: steps of learning a second of the model in a file, in the same epoch over and over, as pc.py
// has them. X, Y: files of bytes.
import { readFileSync } from "node:fs";
import { load } from "../dist/web/tinyprop/tinyprop.js";

const WARM_UP = 50; // passes, in which node compiles it well

const [model, x, y, steps] = process.argv.slice(2);
const file = readFileSync(model);
const samples = new Uint8Array(readFileSync(x));
const labels = new Uint8Array(readFileSync(y));
const passes = Math.floor(Number(steps) / labels.length);
let seconds = 0;
for (let pass = -WARM_UP; pass < passes; pass++) {
  const learning = load(file);
  seconds = pass > 0 ? seconds : 0;
  const start = process.cpuUsage();
  learning.learnMany(samples, labels);
  const { user, system } = process.cpuUsage(start);
  seconds += (user + system) / 1e6;
}
console.log((passes * labels.length) / seconds);
