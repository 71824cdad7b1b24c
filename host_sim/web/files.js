// How a model is kept: as the bytes of a file (docs/format.md).

import { Image, SHAPE, layout } from "./core.js";
import { crc32 } from "./crc32.js";
import * as format from "./format.js";
import { rangePlace, replayBytes } from "./words.js";

export function save(model, replay) {
    const saved = model._saved();
    const forgotten = replay ? 0 : replayBytes(saved, model._shapes, model._image.length);
    const content = saved.subarray(0, saved.length - forgotten);
    const names = packed(model._names);
    const file = new Uint8Array(content.length + names.length + 4);
    file.set(content);
    if (names.length > 0) {
        file[format.MODEL_SPEC_VERSION] = format.VERSION_WITH_NAMES;
    }
    file.set(names, content.length);
    const end = file.length - 4;
    new DataView(file.buffer).setUint32(end, crc32(file.subarray(0, end)), true);
    return file;
}

// What a file has of names: for each output a length and the name in UTF-8, 0 for none; and how many bytes these are.
function packed(names) {
    const bytes = names.flatMap((name) => {
        const letters = [...new TextEncoder().encode(name ?? "")];
        return [letters.length, ...letters];
    });
    return bytes.length === 0 ? bytes : [...bytes, ...new Uint8Array(new Uint32Array([bytes.length]).buffer)];
}

// The names of n outputs, null where there is none.
function unpacked(bytes, n) {
    const names = [];
    let at = 0;
    while (at < bytes.length) {
        const after = at + 1 + bytes[at];
        names.push(decoded(bytes.subarray(at + 1, after)) || null);
        at = after;
    }
    const known = names.filter((name) => name !== null);
    if (at !== bytes.length || names.length !== n || known.length === 0 || new Set(known).size < known.length) {
        damaged();
    }
    return names;
}

function decoded(letters) {
    try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(letters);
    } catch {
        return damaged();
    }
}

// {image, shapes, names} of a model.
export function load(bytes) {
    const file = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
    if (!(file instanceof Uint8Array)) {
        throw new TypeError(`the file is ${file}, expected its bytes: a Uint8Array or an ArrayBuffer`);
    }
    if (file.length === 0) {
        throw new RangeError("the file is empty");
    }
    if (String.fromCharCode(...file.subarray(0, 4)) !== "TYNP") {
        throw new RangeError("the file is no tinyprop model");
    }
    let end = file.length - 4;
    const version = file[format.MODEL_SPEC_VERSION];
    const hasNames = version === format.VERSION_WITH_NAMES;
    if (end >= format.MODEL_SPEC_BYTES && version !== format.VERSION && !hasNames) {
        const known = `${format.VERSION} or ${format.VERSION_WITH_NAMES}`;
        throw new RangeError(`a model of version ${version}, expected ${known}`);
    }
    const view = new DataView(file.buffer, file.byteOffset, file.length);
    if (end < format.MODEL_SPEC_BYTES || view.getUint32(end, true) !== crc32(file.subarray(0, end))) {
        damaged();
    }
    const specBytes = format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * file[format.MODEL_SPEC_N_LAYERS];
    const spec = file.slice(0, specBytes);
    spec[format.MODEL_SPEC_VERSION] = format.VERSION;
    const namesEnd = end - 4;
    if (hasNames) {
        end = namesEnd - view.getUint32(namesEnd, true);
    }
    if (end < specBytes) {
        damaged();
    }
    const { nBytes, shapes } = layout(spec);
    if (nBytes < 0) {
        damaged();
    }
    const saved = view.getUint32(format.MODEL_SPEC_SAVED_BYTES, true);
    if (end > saved) {
        throw new RangeError("the file has more than a Model");
    }
    if (end > nBytes || (end !== saved && end !== saved - replayBytes(spec, shapes, nBytes))) {
        damaged();
    }
    const content = file.slice(0, end);
    content.set(spec);
    const image = new Image(nBytes, content);
    // The core opens the model, as in each call, and then refuses this x.
    if (image.predict(null, null) !== format.E_X_TYPE || !rangesAreSound(image)) {
        damaged();
    }
    return { image, shapes, names: hasNames ? namesOf(file.subarray(end, namesEnd), spec, shapes) : [] };
}

function namesOf(bytes, spec, shapes) {
    const [height, width, channels] = shapes.slice(-SHAPE);
    if (spec[format.MODEL_SPEC_LOSS] === format.MSE) {
        damaged();
    }
    return unpacked(bytes, height * width * channels);
}

function damaged() {
    throw new RangeError("the file is damaged or cut short");
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
