// MicroPython at the other end of a line: its prompt for a person, and its raw mode for a program, as the page "The
// MicroPython Interactive Interpreter Mode" of its manual has them. A line has streams of bytes, `readable` and
// `writable`: an open port of Web Serial, or the Pico of pico.js.

const CTRL_A = "\x01"; // to the raw mode; in it: there is room for more
const CTRL_B = "\x02"; // to the prompt
const CTRL_C = "\x03"; // stops a program, and forgets what was typed
const CTRL_D = "\x04"; // ends a program that is sent, and each half of what it says
const RAW_PROMPT = "raw REPL; CTRL-B to exit\r\n>";
const RAW_PASTE = "\x05A\x01";
const RAW_PASTE_IS_ON = "R\x01";
const TO_STOP = 100; // ms for a program to end once it is stopped
const TO_COME_UP = 3; // seconds of silence after which a board that starts anew hears what is sent

const encoder = new TextEncoder();
const decoder = new TextDecoder();

// What the person at the page can mend; its text says how.
export class Problem extends Error {}

// What a program on the board raised: its traceback.
export class BoardError extends Problem {
  get lastLine() {
    return this.message.split("\n").pop();
  }
}

// Bytes as a string of as many characters, which can be searched, and back.
const asString = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
const asBytes = (string) => Uint8Array.from(string, (character) => character.charCodeAt(0));
const asText = (string) => decoder.decode(asBytes(string)).replaceAll("\r\n", "\n");

export class Repl {
  onOutput() {} // (bytes) of the prompt, or of a program that was started there
  onStopped() {} // (bytes) of what a program at the prompt said last, when one of exec took its place
  onGone() {} // (problem) of a board that was unplugged

  // patience: how many seconds a board may need for an answer
  constructor(line, { patience = 10 } = {}) {
    this.line = line;
    this.patience = patience;
    this.writer = line.writable.getWriter();
    this.mode = "prompt"; // or "raw"; "unknown" while it changes, and after what went wrong
    this.isBusy = false;
    this.input = ""; // from the raw mode, and not yet taken
    this.problem = this.reason = null; // why the line has ended
    this.wake = () => {};
    this.ended = this.listen();
  }

  // ---- for a person

  // Sends keys to the prompt. While a program of exec runs, Ctrl-C alone comes through.
  async type(keys) {
    if (!this.isBusy) {
      await this.leave();
      await this.send(keys);
    } else if (keys.includes(CTRL_C)) {
      await this.stop();
    }
  }

  // Back to the prompt.
  async leave() {
    if (this.mode !== "prompt" && !this.isBusy) {
      const stop = this.mode === "unknown" ? CTRL_C : "";
      this.mode = "prompt";
      await this.send(`${stop}\r${CTRL_B}`);
    }
  }

  // ---- for a program

  // Runs code and returns what it prints; or hands each line at once to onLine. seconds: how long it may be silent.
  // BoardError: what it raised.
  exec(code, { onLine, seconds = this.patience } = {}) {
    return this.alone(async () => {
      if (this.mode !== "raw") {
        await this.enter();
      }
      this.mode = "unknown";
      await this.paste(code);
      const output = await this.until(CTRL_D, { onLine, seconds });
      const error = await this.until(CTRL_D);
      await this.until(">");
      this.mode = "raw";
      if (error) {
        throw new BoardError(asText(error).trim());
      }
      return asText(output);
    });
  }

  // Starts MicroPython anew, as far as boot.py, not main.py: its RAM is free again.
  restart() {
    return this.alone(async () => {
      await this.enter();
      this.mode = "unknown";
      await this.send(CTRL_D);
      await this.until(RAW_PROMPT);
      this.mode = "raw";
    });
  }

  // Stops a program; its exec then throws the KeyboardInterrupt.
  stop() {
    return this.send(CTRL_C);
  }

  // Leaves the line to others.
  async close() {
    this.problem ??= new Problem("The board is not connected any more: connect it again.");
    this.wake();
    this.reader.releaseLock();
    this.writer.releaseLock();
    await this.ended;
  }

  // ---- the raw mode

  async alone(action) {
    if (this.isBusy) {
      throw new Problem("The board is at work: wait until it is done, or stop it.");
    }
    this.isBusy = true;
    try {
      return await action();
    } finally {
      this.isBusy = false;
    }
  }

  async enter() {
    const wasAtPrompt = this.mode === "prompt";
    this.mode = "unknown";
    this.input = "";
    const ask = async (seconds) => {
      await this.send(CTRL_C);
      await new Promise((resolve) => setTimeout(resolve, TO_STOP));
      await this.send(`\r${CTRL_A}`);
      const last = await this.until(RAW_PROMPT, { seconds });
      if (wasAtPrompt && last.includes("KeyboardInterrupt")) {
        this.onStopped(asBytes(last));
      }
    };
    try {
      await ask(Math.min(TO_COME_UP, this.patience));
    } catch (problem) {
      if (this.problem) {
        throw problem;
      }
      // The line may have restarted the board when it was opened; by now it has come up.
      await ask(this.patience);
    }
    this.mode = "raw";
  }

  // Sends a program no faster than the board takes it.
  async paste(code) {
    await this.send(RAW_PASTE);
    if ((await this.take(2)) !== RAW_PASTE_IS_ON) {
      throw new Problem("This MicroPython is too old: it has to be 1.23 or newer.");
    }
    const [low, high] = asBytes(await this.take(2));
    const more = low | (high << 8);
    const bytes = encoder.encode(code);
    let room = more;
    for (let sent = 0; sent < bytes.length;) {
      while (!room || this.input) {
        if ((await this.take(1)) === CTRL_A) {
          room += more;
        } else {
          // What it has is no program, whatever comes.
          await this.send(CTRL_D);
          return;
        }
      }
      const piece = bytes.subarray(sent, sent + room);
      await this.send(piece);
      sent += piece.length;
      room -= piece.length;
    }
    await this.send(CTRL_D);
    await this.until(CTRL_D);
  }

  // ---- the line

  async send(data) {
    if (this.problem) {
      throw this.problem;
    }
    try {
      await this.writer.write(typeof data === "string" ? encoder.encode(data) : data);
    } catch {
      this.isGone();
      throw this.problem;
    }
  }

  async take(length) {
    while (this.input.length < length) {
      await this.more(this.patience);
    }
    return this.cut(length, length);
  }

  // What comes before an ending.
  async until(ending, { onLine, seconds = this.patience } = {}) {
    for (;;) {
      if (onLine) {
        this.handOver(onLine, ending);
      }
      const at = this.input.indexOf(ending);
      if (at >= 0) {
        return this.cut(at, at + ending.length);
      }
      await this.more(seconds);
    }
  }

  // The lines that are whole.
  handOver(onLine, ending) {
    let end;
    while ((end = this.input.indexOf("\n")) >= 0 && !this.input.slice(0, end).includes(ending)) {
      onLine(asText(this.cut(end + 1, end + 1)).slice(0, -1));
    }
  }

  cut(length, next) {
    const piece = this.input.slice(0, length);
    this.input = this.input.slice(next);
    return piece;
  }

  // Waits until there is more input.
  async more(seconds) {
    if (this.problem) {
      throw this.problem;
    }
    await new Promise((resolve, reject) => {
      const late = () => reject(noAnswer(seconds));
      const timer = Number.isFinite(seconds) && setTimeout(late, seconds * 1000);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    if (this.problem) {
      throw this.problem;
    }
  }

  async listen() {
    let stream;
    // After a byte that was damaged on its way a port of Web Serial goes on with another stream.
    while (!this.problem && this.line.readable && this.line.readable !== stream) {
      stream = this.line.readable;
      this.reader = stream.getReader();
      for (let bytes; (bytes = await this.next());) {
        this.hear(bytes);
      }
      this.reader.releaseLock();
    }
    this.isGone();
  }

  // Nothing at the end of the stream.
  async next() {
    try {
      return (await this.reader.read()).value;
    } catch (error) {
      // Whether there is another stream tells how bad it is; the Pico of pico.js says what has happened to it.
      this.reason = error instanceof Problem ? error : null;
      return null;
    }
  }

  hear(bytes) {
    if (this.isBusy) {
      this.input += asString(bytes);
      this.wake();
    } else {
      this.onOutput(bytes);
    }
  }

  isGone() {
    if (!this.problem) {
      this.problem =
        this.reason ??
        new Problem("The board is gone: was it unplugged, or did it start anew? Plug it in and connect it again.");
      this.onGone(this.problem);
    }
    this.wake();
  }
}

function noAnswer(seconds) {
  return new Problem(
    `The board does not answer as MicroPython does (nothing for ${seconds} s). Press its reset button and try again;` +
      " a board without MicroPython needs it first.",
  );
}
