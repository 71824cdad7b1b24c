// How a network would do on boards: what `tinyprop info` says, of the same figures (boards.json, which the build writes).

import { layersOf } from "./tinyprop/words.js";

const { boards, measured, beside } = await (await fetch(new URL("boards.json", import.meta.url))).json();

// Of each board: its name, whether the model fits, its room in bytes, and milliseconds to predict and to learn.
export function onBoards(model) {
  const layers = layersOf(model);
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
  const convolves = layers.some((layer) => layer.convolves);
  return boards.map(({ name, arch, mhz, room }) => {
    const similar = measured[arch].filter((one) => one.convolves === convolves);
    const far = (one) => Math.abs(Math.log(one.macs / macs));
    const nearest = similar.reduce((a, b) => (far(b) < far(a) ? b : a));
    const [predict, learn] = [nearest.predict, nearest.learn].map(
      (cycles) => (cycles * (macs + beside)) / nearest.macs / 1000 / mhz,
    );
    return { name, room, fits: model._image.length <= room, predict, learn };
  });
}
