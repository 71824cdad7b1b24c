// A drawing becomes a small picture: what was drawn, as large as it fits, in the middle.

import { strokesOf } from "./strokes.js";

export const SIZE = 12; // pixels of the picture, each 0 to 255
const PEN = 1.3; // how far the pen reaches in it

export const draw = {
  id: "draw",
  title: "Draw",
  hint: "Draw with a mouse, a pen or a finger. Then say what it is.",
  shape: [SIZE, SIZE, 1],
  range: [0, 255],
  times: 4,
  start: (stage, onSample) => strokesOf(stage, pictureOf, onSample),
};

// strokes: lists of points [x, y]
export function pictureOf(strokes) {
  const points = strokes.flatMap(filled);
  const [left, right] = endsOf(points.map(([x]) => x));
  const [top, bottom] = endsOf(points.map(([, y]) => y));
  const scale = (SIZE - 3) / Math.max(right - left, bottom - top, 1);
  const picture = Array(SIZE * SIZE).fill(0);
  for (const [x, y] of points) {
    const atX = (x - (left + right) / 2) * scale + SIZE / 2;
    const atY = (y - (top + bottom) / 2) * scale + SIZE / 2;
    for (let row = Math.max(0, Math.floor(atY - 2)); row < Math.min(SIZE, atY + 2); row++) {
      for (let column = Math.max(0, Math.floor(atX - 2)); column < Math.min(SIZE, atX + 2); column++) {
        const ink = Math.min(1, PEN - Math.hypot(column + 0.5 - atX, row + 0.5 - atY));
        picture[SIZE * row + column] = Math.max(picture[SIZE * row + column], Math.round(255 * ink));
      }
    }
  }
  return picture;
}

// The points of a stroke and, as a fast pen leaves gaps, some between them.
function filled(stroke) {
  return stroke.flatMap(([x, y], i) => {
    const [fromX, fromY] = stroke[Math.max(0, i - 1)];
    const steps = Math.max(1, Math.ceil(Math.hypot(x - fromX, y - fromY) / 3));
    return Array.from({ length: steps }, (_, k) => [
      fromX + ((x - fromX) * (k + 1)) / steps,
      fromY + ((y - fromY) * (k + 1)) / steps,
    ]);
  });
}

function endsOf(values) {
  return [Math.min(...values), Math.max(...values)];
}
