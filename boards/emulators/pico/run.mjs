// The emulated Pico's program. pico.sh starts it and says how to use it.
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { Fault } from './bus.mjs';
import { PacedRun } from './paced.mjs';
import { Pico } from './pico.mjs';
import { Profile } from './profile.mjs';
import { Symbols } from './symbols.mjs';

const ENTER = 0x0d;
const CTRL_X = 0x18;
const PROMPT = /(>>> |\.\.\. |=== |\x04>)$/;     // the last one is that of the raw mode

const { values: options, positionals: [uf2] } = parseArgs({
  allowPositionals: true,
  options: {
    rom: { type: 'string' },
    flash: { type: 'string' },
    symbols: { type: 'string' },
    profile: { type: 'string' },
    terminal: { type: 'boolean' },
  },
});

const say = (text) => process.stderr.write(`${text}\n`);

function reportProfile() {
  if (pico.profile) say(JSON.stringify(pico.profile.take()));
}

function finish(code) {
  pico.saveFlash();
  reportProfile();
  process.exit(code);
}

// A run that is killed leaves the old file or the new one, never half of one.
function keep(flash) {
  fs.writeFileSync(`${options.flash}.new`, flash);
  fs.renameSync(`${options.flash}.new`, options.flash);
}

// A person's terminal, or a script of lines.
function connectTerminal(run) {
  const { stdin } = process;
  // MicroPython's greeting came before the port was open; its next output brings it along.
  pico.onConnected = () => { tail = ''; };
  run.onReady = () => { if (!tail) run.send(Buffer.of(ENTER)); };
  if (stdin.isTTY) {
    say('An emulated Raspberry Pi Pico. Ctrl-C stops the program on the board; Ctrl-X switches the board off.');
    stdin.setRawMode(true);
    stdin.on('data', (keys) => {
      const end = keys.indexOf(CTRL_X);
      if (end >= 0) {
        say('\r');
        finish(0);
      }
      run.send(keys);
    });
    return;
  }
  stdin.on('data', (text) => run.send(Buffer.from(text.toString('latin1').replace(/\r?\n/g, '\r'), 'latin1')));
  stdin.on('end', () => setInterval(() => {
    if (run.waiting && !pico.usb.input.length && PROMPT.test(tail)) finish(0);
  }, 200));
}

function connectPipes(run) {
  process.stdin.on('data', (bytes) => run.send(bytes));
  process.stdin.on('end', () => finish(0));
  run.onReady = () => say('ready');
}

let pico;
try {
  const symbols = new Symbols(fs.readFileSync(options.symbols, 'latin1'));
  const profile = options.profile && new Profile(options.profile.split(','), symbols);
  pico = new Pico({
    rom: fs.readFileSync(options.rom),
    uf2: fs.readFileSync(uf2),
    flash: fs.existsSync(options.flash) && fs.readFileSync(options.flash),
    symbols,
    profile,
  });
  if (options.flash) pico.onFlash = keep;
} catch (error) {
  say(`error: ${error.message}`);
  process.exit(1);
}
let tail = '';                                  // of the board's output
pico.onOutput = (bytes) => {
  const output = Buffer.from(bytes);
  tail = (tail + output.toString('latin1')).slice(-8);
  process.stdout.write(output);
};
const run = new PacedRun(pico);
run.onFailure = (error) => {
  say(`error: The emulated Pico stopped: ${error instanceof Fault ? error.message : error.stack}`);
  finish(1);
};
if (options.terminal) connectTerminal(run);
else connectPipes(run);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => finish(0));
process.on('SIGUSR2', reportProfile);
