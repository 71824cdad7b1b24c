// Three shapes, drawn as a person would: never twice the same.

import { WIDTH } from "./sources/strokes.js";

export const SHAPES = ["circle", "zigzag", "triangle"];
const CORNERS = {
  zigzag: [
    [-1, -1],
    [1, -0.5],
    [-1, 0],
    [1, 0.5],
    [-1, 1],
  ],
  triangle: [
    [0, -1],
    [1, 0.8],
    [-1, 0.8],
    [0, -1],
  ],
};
const POINTS = 40;

// Numbers from 0 to 1 that are the same in each run, so that what is learned from them is too.
export function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

// One stroke.
export function strokeOf(shape, random) {
  const between = (low, high) => low + (high - low) * random();
  const turn = between(-0.25, 0.25);
  const [sizeX, sizeY] = [between(45, 85), between(45, 85)];
  const [atX, atY] = [WIDTH / 2 + between(-30, 30), WIDTH / 2 + between(-30, 30)];
  const start = between(0, 2 * Math.PI);
  return Array.from({ length: POINTS + 1 }, (_, i) => {
    const [x, y] = pointOf(shape, i / POINTS, start);
    return [
      atX + sizeX * (x * Math.cos(turn) - y * Math.sin(turn)) + between(-2, 2),
      atY + sizeY * (x * Math.sin(turn) + y * Math.cos(turn)) + between(-2, 2),
    ];
  });
}

function pointOf(shape, share, start) {
  if (shape === "circle") {
    const angle = start + 2 * Math.PI * share;
    return [Math.cos(angle), Math.sin(angle)];
  }
  const corners = CORNERS[shape];
  const at = share * (corners.length - 1);
  const i = Math.min(Math.floor(at), corners.length - 2);
  return [0, 1].map((axis) => corners[i][axis] + (at - i) * (corners[i + 1][axis] - corners[i][axis]));
}
