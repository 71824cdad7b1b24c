// What a person does with a board that runs MicroPython: tinyprop onto it, models there and back, samples of its sensor,
// learning there.
//
//     const board = new Board(new Repl(await openPort(await choosePort()))); // or: new Repl(await Pico.start())
//     await board.deploy(console.log);
//     await board.push("pose.tp", bytes);
//     const model = await board.load("pose.tp");
//     await model.learn(x, 2);
//     await model.save("pose.tp");
//     bytes = await board.pull("pose.tp");
//
// It is the command `tinyprop` once more; what both have to know is in boards/tinyprop_cli, of which board.json is made.
// What goes wrong is a Problem, whose message says what to do.

import { fetchBytes } from "./fetch.js";
import { base64, digestThere, exists, python, read, remove, sha256, write } from "./files.js";
import { BoardError, Problem } from "./repl.js";

// Which files are there and not as save writes them: "no model" and the name of the one that is neither that nor what a cut
// has left of one; or "damaged", the new one. A file that ends with the CRC-32 of all before it has this one as a whole.
const LOOK = (name, old) => `
from binascii import crc32
def _start_and_crc(name):
    start, crc = b"", 0
    try:
        with open(name, "rb") as file:
            piece = file.read(256)
            while piece:
                start, crc = start or piece[:4], crc32(piece, crc)
                piece = file.read(256)
    except OSError:
        return None
    return start, crc
_new, _old = _start_and_crc(${python(name)}), _start_and_crc(${python(old)})
_there = _old or _new
if _there and not b"TYNP".startswith(_there[0].rstrip(b"\\0")):
    print("no model", ${python(old)} if _old else ${python(name)}, end="")
elif _new and _new != (b"TYNP", 0x2144df1c):
    print("damaged", end="")
`;

const IS_FOLDER = (name) => `
import os
try:
    print("yes" if os.stat(${python(name)})[0] & 0x4000 else "no", end="")
except OSError:
    print("no", end="")
`;

// Each sample is a line of JSON. The source comes first, so that errors name its own lines.
const SAMPLES = (source, interval) => `${source}
import json, time
while True:
    _sample = read()
    print(json.dumps([_sample] if isinstance(_sample, (int, float)) else list(_sample)))
    time.sleep_ms(${interval})
`;

const LOAD = (name) => `
import json
from array import array
from binascii import a2b_base64
import tinyprop as tp
model = tp.load(${python(name)})
`;

const LEARN = (x, y) => `
_x, _y = ${x}, ${y}
print(json.dumps([model.predict(_x), model.learn(_x, _y), model.loss]))
`;

const DIGEST = `
from binascii import hexlify
from hashlib import sha256
class _Digest:
    def __init__(self):
        self.of = sha256()
    def write(self, piece):
        self.of.update(piece)
        return len(piece)
_digest = _Digest()
model.save(_digest, True)
print(str(hexlify(_digest.of.digest()), "utf-8"), end="")
`;

// Python's letters for the types of an array.
const LETTERS = new Map([
  [Int8Array, "b"],
  [Uint8Array, "B"],
  [Int16Array, "h"],
  [Uint16Array, "H"],
  [Int32Array, "i"],
  [Float32Array, "f"],
]);

// {files, mpyVersion, architectures, ...} of boards/web_board.py.
export async function facts() {
  return JSON.parse(new TextDecoder().decode(await fetchBytes("board.json")));
}

export class Board {
  // repl: a Repl
  constructor(repl) {
    this.repl = repl;
  }

  // Starts the board anew, and returns what it says of itself: release, machine, mpy, built_in, files, free.
  async ask() {
    await this.repl.restart();
    return JSON.parse(await this.repl.exec((await facts()).ask));
  }

  // Puts tinyprop on a board with stock MicroPython, and sees that it works there. say(sentence) tells what was done,
  // onProgress(file, bytes, total) how far it is.
  async deploy(say = () => {}, onProgress = () => {}) {
    const known = await facts();
    const about = await this.ask();
    say(`MicroPython ${about.release} on ${about.machine}`);
    refuse(about, known);
    if (about.built_in) {
      say(`tinyprop ${about.built_in} is in this firmware; nothing has to be copied.`);
      return;
    }
    const folder = `mpy/${architecture(about, known)}`;
    // What mip has put there is renewed there; beside it the board would have it twice.
    const inLib = !about.files.includes(known.files[0]) && (await exists(this.repl, `/lib/${known.files[0]}`));
    for (const name of known.files) {
      const data = await fetchBytes(`${folder}/${name}`);
      await this.copy(name, data, inLib ? `/lib/${name}` : name, say, (...progress) => onProgress(name, ...progress));
    }
    const [there, taken, layers, rest, free] = await this.tryImport(known);
    say(
      `tinyprop ${there} works; it takes ${taken} bytes of RAM, ${layers} more to make a model and ${rest} for` +
        ` all that is imported when asked for; ${free} are then free`,
    );
  }

  async copy(name, data, to, say, onProgress) {
    const isThere = await exists(this.repl, to);
    if (isThere && (await digestThere(this.repl, to)) === sha256(data)) {
      say(`${name}, ${data.length} bytes: is on the board already, by its SHA-256`);
      return;
    }
    // The old file goes first: a small board has no room for both.
    await remove(this.repl, to);
    await write(this.repl, to, data, onProgress);
    say(`${name}, ${data.length} bytes: copied; its SHA-256 read back is the same`);
  }

  async tryImport(known) {
    try {
      return JSON.parse(await this.repl.exec(known.import));
    } catch (error) {
      if (!(error instanceof BoardError)) {
        throw error;
      }
      let reason = error.lastLine;
      if (reason.includes("MemoryError")) {
        reason += ". It needs some 30 kB of RAM in one piece: does boot.py take that much?";
      }
      throw new Problem(`tinyprop is on the board, but importing it failed: ${reason}`);
    }
  }

  // Puts a model onto the board as save does there: NAME and NAME.old, one of which is whole at any moment.
  async push(name, data, onProgress) {
    if ((await this.repl.exec(IS_FOLDER(name))) === "yes") {
      throw new Problem(`${name} is a folder on the board. Say the name the file shall have.`);
    }
    const old = `${name}.old`;
    const wrong = await this.repl.exec(LOOK(name, old));
    if (wrong.startsWith("no model ")) {
      const there = wrong.slice("no model ".length);
      throw new Problem(`${there} on the board is no model, and push needs its name: move it away.`);
    }
    for (const there of wrong === "damaged" ? [name, old] : [old, name]) {
      await write(this.repl, there, data, onProgress);
    }
  }

  // The bytes of a model on the board.
  pull(name, onProgress) {
    return read(this.repl, name, onProgress);
  }

  // Runs source, Python that defines read(), and calls onSample(numbers) with what read() gives, until stop(). Between
  // two samples the board waits interval ms.
  async samples(source, interval, onSample) {
    let wrong;
    const onLine = (line) => {
      const sample = arrayOf(line);
      if (!sample || wrong) {
        return;
      }
      try {
        if (!sample.every(Number.isFinite)) {
          throw new Problem(`read() gives ${line}, expected numbers.`);
        }
        onSample(sample);
      } catch (error) {
        wrong = error;
        this.stop();
      }
    };
    await this.repl.exec('globals().pop("read", None)'); // of another source
    try {
      await this.repl.exec(SAMPLES(source, interval), { onLine, seconds: Infinity });
    } catch (error) {
      if (wrong || !(error instanceof BoardError && error.lastLine.startsWith("KeyboardInterrupt"))) {
        throw wrong ?? error;
      }
    }
  }

  stop() {
    return this.repl.stop();
  }

  // The model of a file, in the board's RAM: it learns there. A person at the prompt has it as `model`.
  async load(name) {
    try {
      await this.repl.exec(LOAD(name));
    } catch (error) {
      throw error.lastLine?.endsWith("no module named 'tinyprop'")
        ? new Problem("There is no tinyprop on the board: put it there first.")
        : error;
    }
    return new ModelThere(this.repl);
  }
}

class ModelThere {
  constructor(repl) {
    this.repl = repl;
  }

  // One step on one sample: what the model took it for before, whether it trained, and the loss.
  async learn(x, y) {
    const [predicted, trained, loss] = JSON.parse(await this.repl.exec(LEARN(array(x), value(y))));
    return { predicted, trained, loss };
  }

  async predict(x) {
    return JSON.parse(await this.repl.exec(`print(json.dumps(model.predict(${array(x)})))`));
  }

  // The SHA-256 of the file that save would write, which has the samples that the model remembers.
  digest() {
    return this.repl.exec(DIGEST);
  }

  async save(name) {
    await this.repl.exec(`model.save(${python(name)}, True)`);
  }
}

// Numbers, to the last bit.
function array(x) {
  const numbers = ArrayBuffer.isView(x) ? x : Float32Array.from(x);
  const letter = LETTERS.get(numbers.constructor);
  if (!letter) {
    throw new TypeError(
      `x is a ${numbers.constructor.name}, expected an Array, Float32Array or Int8Array to Int32Array`,
    );
  }
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return `array("${letter}", a2b_base64("${base64(bytes)}"))`;
}

// A class, by its number or name, or targets.
function value(y) {
  if (typeof y === "string") {
    return python(y);
  }
  return Number.isInteger(y) ? String(y) : array(typeof y === "number" ? [y] : y);
}

function arrayOf(line) {
  try {
    const value = JSON.parse(line);
    return Array.isArray(value) ? value : null;
  } catch {
    return null; // the program prints something else too
  }
}

// Throws why a board cannot get tinyprop, by what it says of itself.
export function refuse(about, known) {
  if (about.built_in) {
    checkBuiltIn(about, known);
  } else {
    architecture(about, known);
    checkFiles(about, known);
  }
}

// The name of the .mpy files that the board can execute.
function architecture({ release, mpy }, { files: [file], mpyVersion: [version, sub], architectures }) {
  const number = (mpy >> 10) & 15;
  const wanted = ((mpy & 0xff) << 2) | ((mpy >> 8) & 3);
  const ours = (version << 2) | sub;
  if (wanted < ours) {
    throw new Problem(
      `MicroPython ${release} is too old for ${file}: it has to be 1.23 or newer. Put another one on the board.`,
    );
  }
  if (wanted > ours) {
    throw new Problem(
      `MicroPython ${release} wants .mpy files of version ${wanted >> 2}.${wanted & 3}, newer than tinyprop's` +
        ` ${version}.${sub}: put an older one on the board.`,
    );
  }
  if (number === 0) {
    throw new Problem(
      `This firmware loads no native code, which ${file} has. Put another MicroPython on the board, or one with tinyprop` +
        " in it.",
    );
  }
  if (!(number in architectures)) {
    const names = [...new Set(Object.values(architectures))].sort().join(" ");
    throw new Problem(
      `tinyprop has no file for this board's architecture (MicroPython's number ${number}); it has ${names}.`,
    );
  }
  return architectures[number];
}

// The board's own files come before those in the firmware, so a copied file would win.
function checkBuiltIn({ built_in, files }, known) {
  for (const name of known.files) {
    if (files.includes(name)) {
      throw new Problem(
        `This firmware has tinyprop ${built_in} in it, but the board imports its file ${name}, which wins and takes RAM.` +
          ` Remove the file: import os; os.remove(${python(name)})`,
      );
    }
  }
  if (built_in !== known.version) {
    throw new Problem(
      `This firmware has tinyprop ${built_in} in it, and this is ${known.version}. A copied file would win over it, but` +
        " takes RAM: put new firmware on the board.",
    );
  }
}

function checkFiles({ files, free }, known) {
  for (const file of known.files) {
    const module = file.replace(".mpy", "");
    for (const name of [module, `${module}.py`]) {
      if (files.includes(name)) {
        throw new Problem(
          `The board has ${name} among its files, which it would import in place of ${file}. Remove it:` +
            ` import os; os.remove(${python(name)})`,
        );
      }
    }
  }
  if (free === null) {
    throw new Problem("The board has no file system to copy to.");
  }
}
