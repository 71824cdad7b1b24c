// A file beside this one, as bytes.

import { Problem } from "./repl.js";

export async function fetchBytes(name) {
  const answer = await fetch(new URL(name, import.meta.url)).catch(() => null);
  if (!answer?.ok) {
    throw new Problem(`${name} of this page cannot be fetched: load the page again.`);
  }
  return new Uint8Array(await answer.arrayBuffer());
}
