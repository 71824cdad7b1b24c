// How a model is kept: as the bytes of a file (docs/format.md).

import { Image, layout } from "./core.js";
import { crc32 } from "./crc32.js";
import * as format from "./format.js";
import { rangePlace, replayBytes } from "./words.js";

export function save(model, replay) {
    const saved = model._saved();
    const forgotten = replay ? 0 : replayBytes(saved, model._shapes, model._image.length);
    const file = new Uint8Array(saved.length - forgotten + 4);
    const end = file.length - 4;
    file.set(saved.subarray(0, end));
    new DataView(file.buffer).setUint32(end, crc32(file.subarray(0, end)), true);
    return file;
}

// {image, shapes} of a model.
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
    const end = file.length - 4;
    const version = file[format.MODEL_SPEC_VERSION];
    if (end >= format.MODEL_SPEC_BYTES && version !== format.VERSION) {
        throw new RangeError(`a model of version ${version}, expected ${format.VERSION}`);
    }
    const view = new DataView(file.buffer, file.byteOffset, file.length);
    if (end < format.MODEL_SPEC_BYTES || view.getUint32(end, true) !== crc32(file.subarray(0, end))) {
        damaged();
    }
    const specBytes = format.MODEL_SPEC_BYTES + format.LAYER_SPEC_BYTES * file[format.MODEL_SPEC_N_LAYERS];
    const spec = file.slice(0, specBytes);
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
    const image = new Image(nBytes, file.subarray(0, end));
    // The core opens the model, as in each call, and then refuses this x.
    if (image.predict(null, null) !== format.E_X_TYPE || !rangesAreSound(image)) {
        damaged();
    }
    return { image, shapes };
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
