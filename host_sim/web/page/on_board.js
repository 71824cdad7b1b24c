// The network on a board: on a Pico in this page, or on the board on the desk. What is taught here it learns there too, and
// both are compared by what they would save. What it takes to reach a board is loaded when somebody asks for it.

const FILE = "model.tp"; // on the board
const START = 16; // digits of a SHA-256 that are shown
export const UNKNOWN = "?"; // in place of them

async function part(name) {
  try {
    return await import(`./board/${name}.js`);
  } catch {
    throw new Error(
      "What it takes to reach a board cannot be fetched: connect to the internet, and load the page again.",
    );
  }
}

export class OnBoard {
  // say(sentence): what was done; changed(): there is something else to show
  constructor(say, changed) {
    this.say = say;
    this.changed = changed;
    this.forget();
  }

  forget() {
    this.repl = this.board = this.there = this.given = null;
    this.here = this.digest = "";
    this.left = 0; // samples that the board has not learned yet
    this.turn = Promise.resolve();
  }

  // terminal: an element for the prompt
  async startPico(terminal) {
    this.say("Loading a Pico and its firmware ...");
    const { Pico } = await part("pico");
    const pico = await Pico.start();
    await this.connect(pico, () => pico.end(), terminal);
  }

  async startBoard(terminal) {
    const { choosePort, openPort } = await part("serial");
    const port = await openPort(await choosePort());
    await this.connect(port, () => port.close(), terminal);
  }

  async connect(line, end, terminal) {
    const { Board } = await part("board");
    const { Repl } = await part("repl");
    const { openTerminal } = await part("terminal");
    const repl = new Repl(line);
    this.end = async () => {
      this.forget();
      this.say("");
      this.changed();
      terminal.replaceChildren();
      await repl.close();
      await end();
    };
    openTerminal(terminal, repl).onData(() => this.typed());
    const { onStopped, onGone } = repl;
    repl.onStopped = (bytes) => {
      onStopped(bytes);
      this.say("The program that ran at the board's prompt was stopped, as the board can do but one thing at a time.");
    };
    repl.onGone = (problem) => {
      onGone(problem);
      this.say(problem.message);
      this.forget();
      this.changed();
    };
    this.repl = repl;
    this.board = new Board(repl);
    try {
      await this.board.deploy(this.say, (name, bytes, total) => this.say(`${name}: ${bytes} of ${total} bytes`));
    } catch (error) {
      await this.end();
      throw error;
    }
    this.changed();
  }

  // Somebody types at the prompt, where all can be done to the network.
  typed() {
    if (this.there) {
      this.digest = UNKNOWN;
      this.changed();
    }
  }

  // The network here, with the examples it remembers, becomes the one there.
  async give(project) {
    await this.turn;
    await this.board.push(FILE, project.file(true));
    this.there = await this.board.load(FILE);
    await this.pairWith(project);
    this.say("The network is on the board. What you teach here, it learns there too.");
  }

  // The network here is from now on the one that is there.
  async pairWith(project) {
    this.given = project.model;
    this.names = [...project.names];
    await this.compare(project);
  }

  // Readings of a sensor, which keep the board busy until stopReading().
  async read(program, interval, onReading) {
    if (!this.board) {
      throw new Error("Connect a board first, or start a Pico: below, in step 6. Then press Read it again.");
    }
    await this.turn;
    this.there = null;
    this.say("While the board reads its sensor it has no network. Give it the network once you have stopped.");
    this.changed();
    await this.board.samples(program, interval, onReading);
  }

  stopReading() {
    return this.board.stop();
  }

  // Whether the network there is the one here.
  follows(project) {
    return this.there !== null && this.given === project.model;
  }

  // After an example was learned here.
  learn(project, x, y) {
    const { there } = this;
    const { times } = project.source;
    this.left += 1;
    this.changed();
    this.turn = this.turn.then(() => this.learnThere(there, project, x, y, times));
  }

  async learnThere(there, project, x, y, times) {
    if (this.there !== there) {
      return; // the board is gone, or has no network any more
    }
    try {
      for (let i = 0; i < times; i++) {
        await there.learn(x, y);
      }
      this.left -= 1;
      if (this.left === 0) {
        await this.compare(project);
      }
    } catch (error) {
      this.there = null;
      this.left = 0;
      this.say(error.message);
      this.changed();
    }
  }

  async compare(project) {
    const { sha256 } = await part("files");
    const there = await this.there.digest();
    this.here = sha256(project.file(true, this.names)).slice(0, START);
    this.digest = there.slice(0, START);
    this.changed();
  }

  // The bytes of the network there.
  async fetch() {
    await this.turn;
    await this.there.save(FILE);
    return this.board.pull(FILE);
  }
}

// {uf2, how}: the bytes for a new Pico, and how they get there.
export async function picoFirmware() {
  const { BY_DRAG, firmware } = await part("pico");
  return { uf2: await firmware(), how: BY_DRAG };
}

// A .bin file onto an ESP32.
export async function flashEsp32(data, say) {
  const { choosePort } = await part("serial");
  const { flash } = await part("flash");
  const port = await choosePort();
  await flash(port, data, (bytes, total) => say(`Writing: ${bytes} of ${total} bytes`));
  say("MicroPython is on the board. Connect it now.");
}
