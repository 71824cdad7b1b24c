// A board's port, by Web Serial: chosen by the person at the page, and opened.

import { Problem } from "./repl.js";

const BAUD = 115200; // of boards whose USB is another chip's

export async function choosePort() {
  if (!navigator.serial) {
    throw new Problem(
      "This browser cannot reach a board, as it has no Web Serial. Chrome, Edge and Opera on a PC have it; the command" +
        " tinyprop reaches boards without a browser.",
    );
  }
  try {
    return await navigator.serial.requestPort();
  } catch (error) {
    throw new Problem(
      error.name === "NotFoundError"
        ? "No board was chosen. If yours is not in the list, plug it in with a cable that carries data: many only charge."
        : `This page may not reach a board: ${error.message}`,
    );
  }
}

export const IN_USE =
  "The port cannot be opened: close the terminal, editor or monitor that is using it, and try again.";

// Returns the port, whose streams are there then.
export async function openPort(port) {
  try {
    await port.open({ baudRate: BAUD });
  } catch {
    throw new Problem(IN_USE);
  }
  return port;
}
