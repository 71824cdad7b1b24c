// How a model is kept: as the bytes of a file (docs/format.md). Of tinyprop_files.py it has what needs no files.

import { Image, layout } from "./core.js";
import { crc32 } from "./crc32.js";
import * as format from "./format.js";
import { rangePlace } from "./layers.js";
import { replayBytes } from "./state.js";

// more: bytes that the file has behind the model, of what the model is a part of.
export function save(model, replay, classes = model._names, more = []) {
  const saved = model._saved();
  const forgotten = replay ? 0 : replayBytes(saved, model._shapes, model._image.length);
  const behind = classes ? packed(classes) : more;
  const end = saved.length - forgotten;
  const file = new Uint8Array(end + behind.length + 4);
  file.set(saved.subarray(0, end));
  file.set(behind, end);
  if (classes) {
    file[format.MODEL_SPEC_VERSION] = format.VERSION_WITH_NAMES;
  }
  const crc = crc32(file.subarray(0, -4));
  new DataView(file.buffer).setUint32(file.length - 4, crc, true);
  return file;
}

// What a file has of names: for each output a length and the name in UTF-8, 0 for none; and how many bytes these are.
export function packed(names) {
  const bytes = names.flatMap((name) => {
    const letters = new TextEncoder().encode(name ?? "");
    return [letters.length, ...letters];
  });
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length, true);
  return Uint8Array.of(...bytes, ...length);
}

// {image, shapes, names} of a model. more: what is filled with the bytes that the file has behind it, or null.
export function load(bytes, more = null) {
  if (!(bytes instanceof Uint8Array || bytes instanceof ArrayBuffer)) {
    throw new TypeError(`the file is ${bytes}, expected its bytes: a Uint8Array or an ArrayBuffer`);
  }
  const file = new Uint8Array(bytes); // a copy, and no Buffer of node, whose slices are none
  if (file.length === 0) {
    throw new RangeError("the file is empty");
  }
  if (String.fromCharCode(...file.subarray(0, 4)) !== "TYNP") {
    throw new RangeError("the file is no tinyprop model");
  }
  const end = file.length - 4;
  const version = file[format.MODEL_SPEC_VERSION];
  const known = [format.VERSION, format.VERSION_WITH_NAMES];
  if (end >= format.MODEL_SPEC_BYTES && !known.includes(version)) {
    throw new RangeError(`a model of version ${version}, expected ${known.join(" or ")}`);
  }
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  if (end < format.MODEL_SPEC_BYTES || view.getUint32(end, true) !== crc32(file.subarray(0, end))) {
    damaged();
  }
  const specBytes = format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * file[format.MODEL_SPEC_N_LAYERS];
  const hasNames = version === format.VERSION_WITH_NAMES;
  const modelEnd = end - (hasNames ? 4 + view.getUint32(end - 4, true) : (more?.length ?? 0));
  if (modelEnd < specBytes) {
    damaged();
  }
  const model = file.slice(0, modelEnd);
  model[format.MODEL_SPEC_VERSION] = format.VERSION;
  const { nBytes, shapes } = layout(model.subarray(0, specBytes));
  const saved = view.getUint32(format.MODEL_SPEC_SAVED_BYTES, true);
  const sizes = nBytes < 0 ? [] : [saved, saved - replayBytes(model, shapes, nBytes)];
  if (more && (hasNames || sizes.includes(end))) {
    throw new RangeError("the file has a Model, which load reads, and no Anomaly");
  }
  if (nBytes >= 0 && !more && !hasNames && modelEnd > saved) {
    throw new RangeError("the file has more than a Model: Anomaly.load may read it");
  }
  if (modelEnd > nBytes || !sizes.includes(modelEnd)) {
    damaged();
  }
  const names = hasNames ? unpacked(file.subarray(modelEnd, end), shapes.at(-format.SHAPE + 2)) : null;
  const mse = model[format.MODEL_SPEC_LOSS] === format.MSE;
  const image = new Image(nBytes, model);
  // The core opens the model, as in each call, and then refuses this x.
  if (
    names === undefined ||
    (names && mse) ||
    image.predict(null, null) !== format.E_X_TYPE ||
    !rangesAreSound(image)
  ) {
    damaged();
  }
  more?.set(file.subarray(modelEnd, end));
  return { image, shapes, names };
}

function damaged() {
  throw new RangeError("the file is damaged or cut short");
}

// Names, as packed() packed them; undefined if these are none for so many outputs.
function unpacked(bytes, nOut) {
  const names = [];
  const end = bytes.length - 4;
  let at = 0;
  while (at < end) {
    const after = at + 1 + bytes[at];
    try {
      names.push(
        new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(at + 1, after)) || null,
      );
    } catch {
      return undefined;
    }
    at = after;
  }
  const known = names.filter((name) => name !== null);
  const fits = at === end && names.length === nOut && known.length > 0 && new Set(known).size === known.length;
  return fits ? names : undefined;
}

// Whether the formats of learned ranges are such as there can be; the core takes any.
function rangesAreSound(image) {
  const { view } = image;
  for (const which of [0, 1]) {
    const { at, n, given } = rangePlace(view, which);
    for (let i = 0; i < (given ? 0 : n); i++) {
      const frac = view.getInt16(at + format.LEARNED_RANGE_BYTES * i + format.LEARNED_RANGE_FRAC, true);
      const shift = view.getInt16(at + format.LEARNED_RANGE_BYTES * i + format.LEARNED_RANGE_SHIFT, true);
      if (frac < -200 || frac > 200 || shift < 0 || shift > 31) {
        return false;
      }
    }
  }
  return true;
}
