// Files over the line to a board and back, compared by their SHA-256.

import { BoardError, Problem } from "./repl.js";
import { sha256 as hash } from "./vendor/@noble/hashes/sha2.js";
import { bytesToHex } from "./vendor/@noble/hashes/utils.js";

const PIECE = 768; // bytes, of which base64 makes 1024 characters

// What these leave on the board has names that no program of a person has.
const OPEN = (name) => `
from binascii import a2b_base64
_f = open(${python(name)}, "wb")
`;

const WRITE = (piece) => `_f.write(a2b_base64("${base64(piece)}"))`;

const READ = (name) => `
from binascii import b2a_base64
with open(${python(name)}, "rb") as _f:
    _piece = _f.read(${PIECE})
    while _piece:
        print(str(b2a_base64(_piece), "utf-8"), end="")
        _piece = _f.read(${PIECE})
`;

const FREE = `
import os
try:
    _s = os.statvfs(os.getcwd())
    print(_s[1] * _s[4], end="")
except OSError:
    pass
`;

const EXISTS = (name) => `
import os
try:
    os.stat(${python(name)})
    print("yes", end="")
except OSError:
    pass
`;

const DIGEST = (name) => `
from binascii import hexlify
from hashlib import sha256
_digest = sha256()
with open(${python(name)}, "rb") as _f:
    _piece = _f.read(${PIECE})
    while _piece:
        _digest.update(_piece)
        _piece = _f.read(${PIECE})
print(str(hexlify(_digest.digest()), "utf-8"), end="")
`;

const REMOVE = (name) => `
import os
try:
    _f.close()
except Exception:
    pass
try:
    os.remove(${python(name)})
except OSError:
    pass
`;

// A string as Python's source has it.
export const python = JSON.stringify;

export async function exists(repl, name) {
  return (await repl.exec(EXISTS(name))) === "yes";
}

export function remove(repl, name) {
  return repl.exec(REMOVE(name));
}

// Writes a file; of one that cannot be written no part is left, if the board is. onProgress(bytes, total)
export async function write(repl, name, data, onProgress = () => {}) {
  const free = await repl.exec(FREE);
  if (free === "") {
    throw new Problem("The board has no file system to copy to.");
  }
  if (Number(free) < data.length) {
    throw await noRoom(repl, name, data);
  }
  try {
    await repl.exec(OPEN(name));
    for (let at = 0; at < data.length; at += PIECE) {
      onProgress(at, data.length);
      await repl.exec(WRITE(data.subarray(at, at + PIECE)));
    }
    await repl.exec("_f.close()");
  } catch (error) {
    if (!(error instanceof BoardError)) {
      throw error;
    }
    await remove(repl, name);
    if (error.lastLine.includes("ENOSPC")) {
      throw await noRoom(repl, name, data);
    }
    throw new Problem(`The board could not write ${name}: ${error.lastLine}`);
  }
  if ((await digestThere(repl, name)) !== sha256(data)) {
    throw new Problem(`${name} arrived damaged: its SHA-256 read back is another. Try again.`);
  }
  onProgress(data.length, data.length);
}

async function noRoom(repl, name, data) {
  return new Problem(`The board has no room for ${name}, ${data.length} bytes; ${await repl.exec(FREE)} are free.`);
}

// The bytes of a file of the board. onProgress(bytes)
export async function read(repl, name, onProgress = () => {}) {
  if (!(await exists(repl, name))) {
    throw new Problem(`The board has no file ${name}.`);
  }
  let text = "";
  const onLine = (line) => {
    text += atob(line);
    onProgress(text.length);
  };
  await repl.exec(READ(name), { onLine });
  const data = Uint8Array.from(text, (character) => character.charCodeAt(0));
  if ((await digestThere(repl, name)) !== sha256(data)) {
    throw new Problem(`${name} arrived damaged: its SHA-256 here is another. Try again.`);
  }
  return data;
}

// The SHA-256 of a file of the board, as digits.
export function digestThere(repl, name) {
  return repl.exec(DIGEST(name));
}

export function sha256(data) {
  return bytesToHex(hash(data));
}

export function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}
