// A sensor of the board that is connected becomes what a Window says of its last readings, as a phone's motion does.

import { Window } from "../tinyprop/tinyprop.js";

const READINGS = 32;
const AXES = 3; // those that a sensor lacks are 0
const EVERY = 20; // milliseconds
const MOST = 32767; // of a reading

const PROGRAM = `from machine import ADC

adc = ADC(4)  # the Pico's own thermometer

def read():
    return adc.read_u16() >> 1
`;

export function sensorOf(onBoard) {
  return {
    id: "sensor",
    title: "A board's sensor",
    hint: "Write what gives a reading: one to three whole numbers, up to 32767. Read it, and hold a button of step 2 meanwhile.",
    live: true,
    shape: [new Window(READINGS, { axes: AXES }).features.length],
    range: null,
    times: 1,
    start: (stage, onSample) => start(onBoard, stage, onSample),
  };
}

async function start(onBoard, stage, onSample) {
  if (!onBoard.board) {
    throw new Error("Connect a board first, or start a Pico: below, in step 6. Then press A board's sensor again.");
  }
  const program = document.createElement("textarea");
  program.value = PROGRAM;
  program.rows = 8;
  program.spellcheck = false;
  program.setAttribute("aria-label", "What gives a reading, in MicroPython");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Read it";
  const text = document.createElement("output");
  text.className = "reading";
  stage.replaceChildren(program, button, text);
  const window = new Window(READINGS, { hop: READINGS / 4, axes: AXES, scale: 1 });
  let reading = false;

  function take(numbers) {
    const n = numbers.length;
    if (n < 1 || n > AXES) {
      throw new Error(`read() gives ${n} numbers, expected one to three.`);
    }
    const large = numbers.find((value) => Math.abs(value) > MOST);
    if (large !== undefined) {
      throw new Error(`read() gives ${large}, expected up to ${MOST}: divide it, as >> 1 does by two.`);
    }
    const values = [...numbers, 0, 0].slice(0, AXES);
    text.value = numbers.map(String).join("  ");
    if (window.push(values)) {
      onSample([...window.features]);
    }
  }

  button.addEventListener("click", async () => {
    if (reading) {
      await onBoard.stopReading();
      return;
    }
    reading = true;
    button.textContent = "Stop";
    try {
      await onBoard.read(program.value, EVERY, take);
    } catch (error) {
      text.value = error.message;
    }
    reading = false;
    button.textContent = "Read it";
  });

  async function stop() {
    if (reading) {
      await onBoard.stopReading();
    }
  }
  return { stop, clear: () => {} };
}
