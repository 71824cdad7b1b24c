// A terminal for the prompt of a board: xterm.js, which fills an element of the page.

import { FitAddon } from "./vendor/xterm/addon-fit.js";
import { Terminal } from "./vendor/xterm/xterm.js";

// repl: a Repl. Returns the Terminal of xterm.js; its dispose() takes it away.
export function openTerminal(element, repl) {
    const terminal = new Terminal({ screenReaderMode: true });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(element);
    const watch = new ResizeObserver(() => fit.fit());
    watch.observe(element);

    repl.onOutput = (bytes) => terminal.write(bytes);
    const say = (problem) => terminal.write(`\r\n${problem.message}\r\n`);
    repl.onGone = say;
    terminal.onData((keys) => repl.type(keys).catch(say));
    terminal.loadAddon({
        activate() {},
        dispose() {
            watch.disconnect();
            repl.onOutput = repl.onGone = () => {};
        },
    });
    return terminal;
}
