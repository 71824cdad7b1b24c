// A project as text: in this browser, so that a reload loses nothing, and in a link.

import { load } from "./tinyprop/tinyprop.js";

const KEY = "tinyprop page";
const LONGEST = 64000; // characters of a link, which programs cut if there are more

export function textOf(project) {
  const { source, names, layers, examples, guesses, points } = project;
  const kept = { source: source.id, names, layers, examples, guesses, points };
  return JSON.stringify({ ...kept, model: base64(project.file(true)) });
}

// Makes a project what a text says. It throws, and the project is as it was, if the text is none.
export function fromText(project, text, sources) {
  const { source, names, layers, examples, guesses, points, model } = JSON.parse(text);
  const loaded = load(bytesOf(model));
  if (!examples.every(({ x, y }) => x.length === loaded._nIn && y in names)) {
    throw new RangeError("the text is of no project");
  }
  take(project, loaded, source, sources, names);
  Object.assign(project, { layers, examples, guesses, points });
}

function take(project, model, id, sources, names = model.classes) {
  const source = sources.find((one) => one.id === id);
  if (!source || names?.length !== model._nOut || !fits(source, model)) {
    throw new RangeError("the model is of another page");
  }
  project.take(model, source, names);
}

// Whether a source shows what a model can read.
export function fits(source, model) {
  return source.shape.reduce((a, b) => a * b) === model._nIn;
}

// What was taught with each source is kept apart. False: the browser keeps nothing, as in a private window or when its
// room is full.
export function keep(project) {
  try {
    localStorage.setItem(`${KEY} ${project.source.id}`, textOf(project));
    localStorage.setItem(KEY, project.source.id);
    return true;
  } catch {
    return false;
  }
}

// The text of what was taught with a source of this name, or with the last one; null if there is none.
export function kept(id = null) {
  try {
    return localStorage.getItem(`${KEY} ${id ?? localStorage.getItem(KEY)}`);
  } catch {
    return null;
  }
}

// ---- links

export async function linkOf(project) {
  const text = JSON.stringify({ source: project.source.id, model: base64(project.file()) });
  const packed = await through(new TextEncoder().encode(text), new CompressionStream("deflate-raw"));
  const code = base64(packed).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  if (code.length > LONGEST) {
    throw new RangeError("This network is too large for a link. Save it as a file instead.");
  }
  return `${location.href.split("#")[0]}#${code}`;
}

// Makes a project what a link says: what is behind its #.
export async function fromLink(project, code, sources) {
  const packed = bytesOf(code.replaceAll("-", "+").replaceAll("_", "/"));
  const text = new TextDecoder().decode(await through(packed, new DecompressionStream("deflate-raw")));
  const { source, model } = JSON.parse(text);
  take(project, load(bytesOf(model)), source, sources);
}

async function through(bytes, stream) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

function base64(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
