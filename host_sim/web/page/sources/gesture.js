// A gesture becomes the directions of its way, from its beginning to its end: a circle to the left is not one to the right.

import { strokesOf } from "./strokes.js";

const PARTS = 16; // of the way, each as two numbers from -127 to 127

export const gesture = {
  id: "gesture",
  title: "Gesture",
  hint: "Make a gesture in one go: it is about the way you move, not about the picture. Then say what it is.",
  shape: [2 * PARTS],
  range: [-127, 127],
  times: 4,
  start: (stage, onSample) => strokesOf(stage, (strokes) => directionsOf(strokes.at(-1)), onSample, true),
};

export function directionsOf(points) {
  const ways = [0];
  for (let i = 1; i < points.length; i++) {
    ways.push(ways[i - 1] + Math.hypot(points[i][0] - points[i - 1][0], points[i][1] - points[i - 1][1]));
  }
  const whole = Math.max(ways.at(-1), 1);
  const corners = Array.from({ length: PARTS + 1 }, (_, k) => pointAt(points, ways, (whole * k) / PARTS));
  return corners.slice(1).flatMap(([x, y], k) => {
    const [fromX, fromY] = corners[k];
    return [x - fromX, y - fromY].map((part) => Math.round((127 * PARTS * part) / whole));
  });
}

// Where one is after a part of the way.
function pointAt(points, ways, way) {
  const i = ways.findIndex((reached) => reached >= way);
  if (i < 1) {
    return points[i < 0 ? points.length - 1 : 0];
  }
  const share = (way - ways[i - 1]) / (ways[i] - ways[i - 1] || 1);
  return [0, 1].map((axis) => points[i - 1][axis] + share * (points[i][axis] - points[i - 1][axis]));
}
