// A Raspberry Pi Pico in the page: the firmware that a true one gets, on an emulated RP2040 in a worker. It has the streams
// of a port of Web Serial, and its flash keeps the files that are saved there.

import { fetchBytes } from "./fetch.js";
import { Problem } from "./repl.js";

const GZIP = [0x1f, 0x8b];

export const BY_DRAG =
  "Hold the Pico's button BOOTSEL while you plug it in, and drag the .uf2 file to the drive that appears.";

async function fetchUnpacked(name) {
  const data = await fetchBytes(name);
  // Some servers unpack it on the way.
  if (!GZIP.every((byte, i) => data[i] === byte)) {
    return data;
  }
  const unpacked = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

// The bytes of the .uf2 file that a true one gets.
export function firmware() {
  return fetchUnpacked("pico/firmware.uf2.gz");
}

export class Pico {
  // Switches one on. uf2: other firmware than that with tinyprop in it; flash: what flash() of an earlier one gave.
  static async start({ uf2, flash } = {}) {
    const rom = await fetchBytes("pico/boot_rom.bin");
    uf2 ??= await firmware();
    const pico = new Pico();
    pico.worker.postMessage({ start: { rom, uf2, flash } });
    await pico.ready;
    return pico;
  }

  constructor() {
    this.worker = new Worker(new URL("pico_worker.js", import.meta.url), { type: "module" });
    this.readable = new ReadableStream({
      start: (output) => {
        this.output = output;
      },
    });
    this.writable = new WritableStream({ write: (input) => this.worker.postMessage({ input }) });
    this.ready = new Promise((resolve, reject) => {
      this.onReady = resolve;
      this.onFailure = reject;
    });
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = (event) => this.stop(new Problem(`The Pico in the page did not start: ${event.message}`));
  }

  hear({ ready, output, flash, failure }) {
    if (output) {
      this.output.enqueue(output);
    } else if (ready) {
      this.onReady();
    } else if (flash) {
      this.onFlash(flash);
    } else {
      this.stop(new Problem(`The Pico in the page stopped: ${failure}. Switch it on again.`));
    }
  }

  stop(problem) {
    this.problem = problem;
    this.worker.terminate();
    this.onFailure(problem);
    this.output.error(problem);
  }

  // As its button or a power cut would: the flash is kept, and the program starts anew.
  reset() {
    this.worker.postMessage({ reset: true });
  }

  // What is in its flash now, 2 MB: its files.
  flash() {
    return new Promise((resolve, reject) => {
      if (this.problem) {
        throw this.problem;
      }
      this.onFlash = resolve;
      this.onFailure = reject;
      this.worker.postMessage({ flash: true });
    });
  }

  // Switches it off.
  end() {
    this.stop(new Problem("The Pico in the page is switched off."));
  }
}
