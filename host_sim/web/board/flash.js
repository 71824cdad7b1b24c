// Puts MicroPython onto an ESP32 by esptool-js.

import { facts } from "./board.js";
import { BY_DRAG } from "./pico.js";
import { Problem } from "./repl.js";
import { IN_USE } from "./serial.js";
import { ESPLoader, Transport } from "./vendor/esptool-js/bundle.js";
import { md5 } from "./vendor/@noble/hashes/legacy.js";
import { bytesToHex } from "./vendor/@noble/hashes/utils.js";

const IMAGE_MAGIC = 0xe9; // of firmware for an ESP32
const UF2_MAGIC = [0x55, 0x46, 0x32, 0x0a];
const ATTEMPTS = 3; // to reach the boot loader

// port: of Web Serial, not open; data: the bytes of a .bin file; onProgress(bytes, total)
export async function flash(port, data, onProgress = () => {}) {
  const { esp32 } = await facts();
  const chip = chipOf(data, esp32);
  if (port.readable) {
    throw new Problem(IN_USE); // by this page
  }
  const transport = new Transport(port);
  transport.trace = () => {}; // else it tells the console, whatever it is set to
  const loader = new ESPLoader({
    transport,
    baudrate: esp32.baud,
    terminal: { clean() {}, write() {}, writeLine() {} },
  });
  try {
    await connect(loader);
    if (loader.chip.CHIP_NAME !== chip) {
      throw new Problem(
        `The chip at this port is an ${loader.chip.CHIP_NAME}, and the file is for an ${chip}: it needs other firmware, or` +
          " this is another port.",
      );
    }
    await loader.runStub();
    await loader.changeBaud();
    await loader.writeFlash({
      fileArray: [{ data, address: esp32.offsets[chip] }],
      flashMode: "keep",
      flashFreq: "keep",
      flashSize: "keep",
      eraseAll: false,
      compress: true,
      reportProgress: (_, written, total) => onProgress(written, total),
      calculateMD5Hash: (image) => bytesToHex(md5(image)),
    });
    await loader.after("hard_reset");
  } catch (error) {
    if (error instanceof Problem) {
      throw error;
    }
    throw new Problem(`The board was not flashed; esptool says: ${error.message}`);
  } finally {
    await transport.disconnect().catch(() => {});
  }
}

async function connect(loader) {
  try {
    await loader.detectChip("default_reset", ATTEMPTS);
  } catch (error) {
    if (error instanceof DOMException) {
      throw new Problem(IN_USE);
    }
    throw new Problem(
      "No boot loader of an ESP32 answers. Hold the board's button BOOT, press and release EN (or RST), release BOOT, and" +
        " try again.",
    );
  }
}

// The name of the chip that firmware is for.
function chipOf(data, { chips, offsets }) {
  if (UF2_MAGIC.every((byte, i) => data[i] === byte)) {
    throw new Problem(`This is a .uf2 file, for a Pico. ${BY_DRAG}`);
  }
  if (data[0] !== IMAGE_MAGIC || data.length < 24) {
    throw new Problem("This is no firmware for an ESP32; that is a .bin file.");
  }
  const number = data[12] | (data[13] << 8);
  const chip = chips[number] ?? `chip number ${number}`;
  if (!(chip in offsets)) {
    throw new Problem(`This firmware is for a chip that tinyprop does not know: ${chip}.`);
  }
  return chip;
}
