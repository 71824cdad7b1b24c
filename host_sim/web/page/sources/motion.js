// A movement of a phone becomes what a Window says of the last readings, as it does on a board.

import { Window } from "../tinyprop/tinyprop.js";

const READINGS = 32;
const SCALE = 100; // whole numbers of cm/s²
const PATIENCE = 2000; // milliseconds for the first reading

const NONE =
  "This device has no motion sensor that a page can read. Open the page on a phone; there it needs an address that begins with https.";
const REFUSED =
  "The browser did not let the page feel how you move. Reload the page, press Motion again, and allow it.";

export const motion = {
  id: "motion",
  title: "Motion",
  hint: "Move your phone: shake it, turn it, put it down. Hold a button of step 2 while you do.",
  live: true,
  shape: [new Window(READINGS, { axes: 3 }).features.length],
  range: null,
  times: 1,
  start,
};

async function start(stage, onSample) {
  if (!("DeviceMotionEvent" in globalThis)) {
    throw new Error(NONE);
  }
  if (DeviceMotionEvent.requestPermission && (await ask()) !== "granted") {
    throw new Error(REFUSED);
  }
  const window = new Window(READINGS, { hop: READINGS / 4, axes: 3, scale: SCALE });
  const text = document.createElement("output");
  text.className = "reading";
  stage.replaceChildren(text);
  let stop = () => {};
  await new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      stop();
      reject(new Error(NONE));
    }, PATIENCE);
    function moved({ accelerationIncludingGravity: a }) {
      if (typeof a?.x !== "number") {
        return;
      }
      clearTimeout(late);
      resolve();
      const reading = [a.x, a.y, a.z].map((value) => Math.max(-300, Math.min(300, value)));
      text.value = reading.map((value) => value.toFixed(1)).join("  ");
      if (window.push(reading)) {
        onSample([...window.features]);
      }
    }
    addEventListener("devicemotion", moved);
    stop = () => removeEventListener("devicemotion", moved);
  });
  return { stop, clear: () => {} };
}

async function ask() {
  try {
    return await DeviceMotionEvent.requestPermission();
  } catch {
    return "denied";
  }
}
