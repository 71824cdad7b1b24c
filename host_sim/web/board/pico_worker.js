// Where the Pico of pico.js runs: in a worker, so that the page goes on. pico/ is boards/emulators/pico.

import { PacedRun } from "./pico/paced.js";
import { Pico } from "./pico/pico.js";

const ENTER = Uint8Array.of(13);

let pico;
let run;

globalThis.onmessage = ({ data }) => {
  try {
    answer(data);
  } catch (error) {
    postMessage({ failure: error.message });
  }
};

function answer({ start, input, reset }) {
  if (start) {
    pico = new Pico(start);
    connect();
  } else if (input) {
    run.send(input);
  } else if (reset) {
    run.reset();
  } else {
    postMessage({ flash: pico.flash });
  }
}

function connect() {
  let silent;
  pico.onConnected = () => {
    silent = true;
  };
  pico.onOutput = (output) => {
    silent = false;
    postMessage({ output });
  };
  run = new PacedRun(pico);
  run.onReady = () => {
    if (silent) {
      run.send(ENTER); // MicroPython's greeting came before the port was open; its next output brings it along
    }
    postMessage({ ready: true });
  };
  run.onFailure = (error) => postMessage({ failure: error.message });
}
