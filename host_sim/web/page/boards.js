// How a network would do on boards: what `tinyprop info` says, of the same figures (boards.json, which the build writes).

import { numberAt } from "./tinyprop/layers.js";
import * as format from "./tinyprop/format.js";
import { layersOf } from "./tinyprop/words.js";

const figures = await (await fetch(new URL("boards.json", import.meta.url))).json();

// Of each board: its name, whether the model fits, its room in bytes, and milliseconds to predict and to learn.
export function onBoards(model) {
  return figures.boards.map(({ name, room, predict, learn }) => ({
    name,
    room,
    fits: model._image.length <= room,
    predict: predict * cycles(model, "predict"),
    learn: learn * cycles(model, "learn"),
  }));
}

// step_cycles of host_sim/tinyprop_desk/boards.py once more, on a Cortex-M0+.
function cycles(model, op) {
  const { view } = model._image;
  const [replay, given] = [format.MODEL_SPEC_REPLAY, format.MODEL_SPEC_N_INPUT_RANGES].map((at) =>
    numberAt(view, "u2", at),
  );
  const areBytes = given && String(model.inputRange) === "0,255";
  let n = model._nIn;
  let learns = false;
  const each = (areBytes ? 0 : figures.float) + (op === "learn" && !given ? figures.range : 0);
  let all = figures.call[op] * (op === "learn" && replay ? 3 : 1) + each * n;
  for (const { text, shape, parameters, macs } of layersOf(model)) {
    const [height, width, channels] = shape;
    const nOut = height * width * channels;
    learns ||= op === "learn" && macs > 0 && !text.includes("trainable");
    const counts = [1, height * width, n + nOut, macs, Math.max(0, parameters - channels)];
    const costs = figures.costs[learns ? "learn" : "predict"];
    all += (learns && replay ? 3 : 1) * counts.reduce((sum, count, i) => sum + count * costs[i], 0);
    n = nOut;
  }
  return all;
}
