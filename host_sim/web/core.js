// The core, which is WebAssembly: what modtinyprop.c is for MicroPython.
//
// Each model has a memory of its own: what the core needs itself, then the image, then copies of what a call is given. So
// a model can reach nothing but itself, whoever made its file, and its memory goes when it goes.

import * as format from "./format.js";

const PAGE = 65536;
const VALUES_BYTES = 12; // of a tp_values_t: where, how many, typecode

// Typecodes of Python's array.
const LETTERS = new Map([
  [Int8Array, "b"],
  [Uint8Array, "B"],
  [Uint8ClampedArray, "B"],
  [Int16Array, "h"],
  [Uint16Array, "H"],
  [Int32Array, "i"],
  [Uint32Array, "I"],
  [Float32Array, "f"],
]);

async function read(url) {
  if (url.protocol === "file:") {
    const { readFile } = await import("node:fs/promises");
    return readFile(url);
  }
  const response = await fetch(url);
  if (!response.ok) {
    throw new Error(`${url} cannot be read: ${response.status} ${response.statusText}`);
  }
  return response.arrayBuffer();
}

const code = await WebAssembly.compile(await read(new URL("tinyprop.wasm", import.meta.url)));

function aligned(at) {
  return Math.ceil(at / 8) * 8;
}

export function letterOf(values) {
  return LETTERS.get(values?.constructor);
}

// {nBytes, shapes}: bytes of RAM that a model of this spec needs, or a negative error; and for each layer height, width
// and channels of its output, the products that each of its values sums, and bytes of what it learned, of its outputs and
// of its work.
export function layout(spec) {
  const { exports } = new WebAssembly.Instance(code);
  const nLayers = spec[format.MODEL_SPEC_N_LAYERS];
  const at = aligned(exports.__heap_base.value);
  const shapesAt = aligned(at + spec.length);
  exports.memory.grow(1 + Math.ceil((spec.length + 4 * format.SHAPE * nLayers) / PAGE));
  new Uint8Array(exports.memory.buffer).set(spec, at);
  const nBytes = exports.tp_layout(at, spec.length, shapesAt, nLayers);
  return { nBytes, shapes: new Uint32Array(exports.memory.buffer, shapesAt, format.SHAPE * nLayers).slice() };
}

// The memory of a model: spec, then zeros.
export class Image {
  #exports = new WebAssembly.Instance(code).exports;
  #at = aligned(this.#exports.__heap_base.value);
  #end; // of what is in use

  constructor(nBytes, spec) {
    this.length = nBytes;
    this.#begin();
    this.#room(0);
    this.bytes.set(spec);
  }

  // Both are to be asked for anew after a call, as a memory that has grown is another one.
  get bytes() {
    return new Uint8Array(this.#exports.memory.buffer, this.#at, this.length);
  }

  get view() {
    return new DataView(this.#exports.memory.buffer, this.#at, this.length);
  }

  init(seed) {
    return this.#exports.tp_init(this.#at, this.length, seed);
  }

  // y: typed array, or one class number
  run(x, y, total, learning) {
    this.#begin();
    const values = this.#put(x);
    const targets = this.#put(Number.isInteger(y) && y === (y | 0) ? Int32Array.of(y) : y);
    return this.#exports.tp_run(this.#at, this.length, values, targets, total, 0, total, learning);
  }

  // out: null, or a Float32Array that gets the scores
  predict(x, out) {
    this.#begin();
    const values = this.#put(x);
    const scores = out ? this.#put(out) : 0;
    const label = this.#exports.tp_predict(this.#at, this.length, values, scores);
    if (out && label >= 0) {
      out.set(new Float32Array(this.#exports.memory.buffer, scores - aligned(out.byteLength), out.length));
    }
    return label;
  }

  // out: a Uint32Array that gets the squares. place: null, or of which remembered sample, in place of x
  distances(x, out, place = null) {
    this.#begin();
    const values = place === null ? this.#put(x) : 0;
    const squares = this.#put(out);
    const doubt = this.#exports.tp_distances(this.#at, this.length, values, place, squares);
    if (doubt >= 0) {
      out.set(new Uint32Array(this.#exports.memory.buffer, squares - aligned(out.byteLength), out.length));
    }
    return doubt;
  }

  #begin() {
    this.#end = aligned(this.#at + this.length);
  }

  #room(nBytes) {
    const at = this.#end;
    this.#end = aligned(at + nBytes);
    const missing = this.#end - this.#exports.memory.buffer.byteLength;
    if (missing > 0) {
      this.#exports.memory.grow(Math.ceil(missing / PAGE));
    }
    return at;
  }

  // The place of a tp_values_t, right behind its values. For what is no typed array its typecode is 0, which the core
  // refuses.
  #put(values) {
    const letter = letterOf(values);
    const nBytes = letter ? values.byteLength : 0;
    const at = this.#room(nBytes);
    const place = this.#room(VALUES_BYTES);
    const { buffer } = this.#exports.memory;
    if (letter) {
      new Uint8Array(buffer, at, nBytes).set(new Uint8Array(values.buffer, values.byteOffset, nBytes));
    }
    const view = new DataView(buffer, place, VALUES_BYTES);
    view.setUint32(0, at, true);
    view.setUint32(4, letter ? values.length : 0, true);
    view.setUint8(8, letter ? letter.charCodeAt(0) : 0);
    return place;
  }
}
