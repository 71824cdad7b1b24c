// A terminal for the prompt of a board: xterm.js, which fills an element of the page.

import { FitAddon } from "./vendor/@xterm/addon-fit/lib/addon-fit.js";
import { Terminal } from "./vendor/@xterm/xterm/lib/xterm.js";

// The terminal measures itself by its style, which has to be there first.
await new Promise((resolve) => {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("vendor/@xterm/xterm/css/xterm.css", import.meta.url);
  link.onload = link.onerror = resolve;
  document.head.append(link);
});

// repl: a Repl. Returns the Terminal of xterm.js.
export function openTerminal(element, repl) {
  const terminal = new Terminal({ screenReaderMode: true });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(element);
  new ResizeObserver(() => fit.fit()).observe(element);
  const say = (problem) => terminal.write(`\r\n${problem.message}\r\n`);
  terminal.onData((keys) => repl.type(keys).catch(say));
  repl.onOutput = repl.onStopped = (bytes) => terminal.write(bytes);
  repl.onGone = say;
  return terminal;
}
