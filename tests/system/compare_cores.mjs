// Compares boards/emulators/pico/core.mjs with the CPU of rp2040js, which it stands in for: every 16-bit
// opcode, and the wide ones, with random registers, flags and memory; and the start of a whole firmware.
// Prints the high bytes of the opcodes that core.mjs leaves to rp2040js; a difference is an error.
//   node compare_cores.mjs BOOT_ROM FIRMWARE.uf2
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { CheckedRP2040, Fault, FLASH_START, RAM_START } from '../../boards/emulators/pico/bus.mjs';
import { FastCore } from '../../boards/emulators/pico/core.mjs';
import { Pico } from '../../boards/emulators/pico/pico.mjs';

const ROUNDS = 8;
const RAM_BYTES = 264 << 10;
const SIO_START = 0xd0000000;
const TIMER = 0x40054000;
const [rom, uf2] = process.argv.slice(2).map((name) => fs.readFileSync(name));

let seed = 1;
function random(n) {                            // below n, by xorshift
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) % n;
}

// Where the instruction is in each memory, and what few second halves of a wide one make: barriers; MRS
// from PRIMASK.
const CODE = 0x1000;
const SECOND_HALF = { 0xf3bf: () => 0x8f30 + random(80), 0xf3ef: () => 0x8010 + (random(16) << 8) };

// Most pointers go to the middle of a piece of RAM that is compared as a whole.
const WORDS = 128;
const MIDDLE = RAM_START + WORDS * 2;
const EDGES = [0, 1, 2, 31, 32, 33, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff];
function value() {
  switch (random(10)) {
    case 0: return EDGES[random(EDGES.length)];
    case 1: return random(40);
    case 2: return MIDDLE + random(64);
    case 3: return MIDDLE + 4 * random(16);
    case 4: return FLASH_START + random(256);
    case 5: return SIO_START + 4 * random(100);
    case 6: return RAM_START + RAM_BYTES - 4 * random(10);
    case 7: return TIMER;
    case 8: return 0xfffffff1;                  // the return of an interrupt
    default: return random(2 ** 32);
  }
}

class Board {
  constructor() {
    this.mcu = new CheckedRP2040();
    this.core = this.mcu.core;
    this.rom16 = new Uint16Array(this.mcu.bootrom.buffer);
    this.words = this.mcu.sram32.subarray(0, WORDS);
  }

  set(state) {
    const { core, mcu } = this;
    for (const memory of [mcu.flash16, mcu.sram16, this.rom16]) {
      memory[CODE / 2] = state.op;
      memory[CODE / 2 + 1] = state.op2;
    }
    core.registers.set(state.registers);
    this.words.set(state.words);
    core.APSR = state.flags;
    core.PM = state.masked;
    core.currentMode = state.mode;
    core.cycles = 0;
    core.interruptsUpdated = core.waiting = core.eventRegistered = false;
    Object.assign(mcu.sio, { divDividend: 0, divDivisor: 1, divQuotient: 0, divRemainder: 0, divCSR: 0,
      spinLock: 5 });
  }

  // Its memory aside.
  get state() {
    const { core } = this;
    const { divQuotient, divRemainder, divCSR, spinLock } = this.mcu.sio;
    return [...core.registers, core.APSR, core.PM, core.currentMode, core.cycles, core.waiting,
      core.interruptsUpdated, divQuotient, divRemainder, divCSR, spinLock];
  }
}

function same(a, b) {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const fast = new Board();
const slow = new Board();
const fastCore = new FastCore(fast.mcu);
const flash = Uint8Array.from({ length: 512 }, () => random(256));
fast.mcu.flash.set(flash);
slow.mcu.flash.set(flash);
const left = new Set(Array(256).keys());

console.warn = () => {};                        // rp2040js tells of registers that SIO does not have
const state = { registers: new Uint32Array(16), words: new Uint32Array(WORDS) };
const WORDS_BEFORE = state.words.map((_, i) => Math.imul(i, 0x9e3779b1));

for (let op = 0; op < 0x10000; op++) {
  for (let round = 0; round < (op in SECOND_HALF ? 500 : ROUNDS); round++) {
    state.op = op;
    state.op2 = op in SECOND_HALF && random(4) ? SECOND_HALF[op]() : random(0x10000);
    for (let i = 0; i < 15; i++) state.registers[i] = value();
    state.registers[13] = (random(4) ? MIDDLE + 4 * random(16) : value()) & ~3;
    state.registers[15] = [FLASH_START, RAM_START, 0][random(3)] + CODE + random(2);
    state.flags = random(16) << 28;
    state.masked = !random(2);
    state.mode = random(2);
    state.words.set(WORDS_BEFORE);
    state.words[WORDS / 2 + random(16)] = value();
    fast.set(state);
    slow.set(state);
    const what = () => `opcode ${op.toString(16)} ${state.op2.toString(16)} in round ${round}`;
    const before = fast.state;
    const cycles = fastCore.execute(1);
    if (!cycles) {
      assert(same(fast.state, before) && same(fast.words, state.words), `left half done: ${what()}`);
      continue;
    }
    left.delete(op >> 8);
    assert.equal(cycles, slow.core.executeInstruction(), what());
    if (!same(fast.state, slow.state)) assert.deepEqual(fast.state, slow.state, what());
    assert(same(fast.words, slow.words), what());
  }
}

// Everything that passes with time: interrupts, USB, alarms.
class SlowPico extends Pico {
  execute() {
    this.pc = this.mcu.core.PC;
    return this.mcu.core.executeInstruction();
  }
}
const picos = [new Pico({ rom, uf2 }), new SlowPico({ rom, uf2 })];
const outputs = picos.map(() => []);
picos.forEach((pico, i) => { pico.onOutput = (bytes) => outputs[i].push(...bytes); });
for (let i = 0; i < 400; i++) {
  const states = picos.map((pico) => {
    if (!pico.run(100e3)) pico.sleep(Math.min(pico.nanosToEvent, 100e6));
    if (i === 300) pico.send(Buffer.from('print(6 * 7)\r'));
    const { core, clock } = pico.mcu;
    // Sums of fractions of a nanosecond may differ in their last digit.
    return [...core.registers, core.xPSR, core.cycles, Math.round(clock.nanos), core.waiting];
  });
  assert.deepEqual(states[0], states[1]);
}
assert(same(picos[0].mcu.sram32, picos[1].mcu.sram32));
assert.deepEqual(outputs[0], outputs[1]);
assert.match(Buffer.from(outputs[0]).toString(), /\n42\r\n/);

// A fault is told with its place.
const [{ mcu }] = picos;
mcu.core.waiting = false;
mcu.core.registers[0] = RAM_START + 2;
mcu.core.PC = RAM_START;
mcu.sram16[0] = 0x6800;                         // ldr r0, [r0]
assert.throws(() => picos[0].run(1), (error) => error instanceof Fault &&
  /misaligned read.*0x20000002; program counter 0x20000000/.test(error.message));

console.log(JSON.stringify([...left]));
