// Switches an emulated Pico off in the middle of every flash page that a save writes and every sector that it
// erases, and of one in the save after that. The program on it, KEEP in test_power_cuts.py, says in the watchdog's
// scratch register how many steps the model knows that load found, and then that it saved it with one more.
//   node cut_pico_power.mjs BOOT_ROM FIRMWARE.uf2 FLASH
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { FLASH_START } from '../../boards/emulators/pico/bus.mjs';
import { Pico } from '../../boards/emulators/pico/pico.mjs';

const [rom, uf2, before] = process.argv.slice(2).map((name) => fs.readFileSync(name));
const WATCHDOG = 0x40058;
const SAVED = 1000;
const ERASED = 0xffffffff;
const PAGE_WORDS = 64;
const SECTOR_WORDS = 1024;

// Starts a Pico with this flash, and lets it go on until the model is saved. Returns how many steps load found, and
// the words that were written to the flash.
function boot(flash) {
  const pico = new Pico({ rom, uf2 });
  pico.flash.set(flash);
  const { mcu } = pico;
  const scratch = mcu.peripherals[WATCHDOG].scratchData;
  const writes = [];
  const write = mcu.writeUint32.bind(mcu);
  mcu.writeUint32 = (address, value) => {
    if (address >>> 24 === FLASH_START >>> 24) writes.push([(address >>> 0) - FLASH_START, value >>> 0]);
    write(address, value);
  };
  let found = 0;
  while (scratch[0] < SAVED) {
    if (!pico.run(20e3)) pico.sleep(pico.nanosToEvent);
    if (!found) found = scratch[0];
  }
  return { found: found - 1, writes, flash: pico.flash.slice() };
}

// What the flash holds if the power goes after n words.
function flashAfter(n, before, writes) {
  const flash = before.slice();
  const view = new DataView(flash.buffer);
  for (const [at, value] of writes.slice(0, n)) view.setUint32(at, value, true);
  return flash;
}

// The middle of each page or sector.
function cutPoints(writes) {
  const points = [];
  for (let i = 0; i < writes.length;) {
    const sector = writes.slice(i, i + SECTOR_WORDS);
    const erases = sector.length === SECTOR_WORDS && sector[0][0] % (4 * SECTOR_WORDS) === 0
      && sector.every(([at, value], n) => value === ERASED && at === sector[0][0] + 4 * n);
    const n = erases ? SECTOR_WORDS : PAGE_WORDS;
    points.push(i + n / 2);
    i += n;
  }
  return points;
}

let flash = new Uint8Array(before);
let once = 0;
let twice = 0;
for (let saved = 0; saved < 2; saved++) {        // the first save, and one that replaces it
  const whole = boot(flash);
  assert.equal(whole.found, saved);
  for (const n of cutPoints(whole.writes)) {
    const cut = flashAfter(n, flash, whole.writes);
    const second = boot(cut);
    assert(second.found === saved || second.found === saved + 1, `${saved} saved, cut at ${n}: ${second.found}`);
    once++;
    const points = cutPoints(second.writes), again = points[once % points.length];
    const third = boot(flashAfter(again, cut, second.writes));
    assert(third.found === second.found || third.found === second.found + 1, `cut at ${n}, ${again}: ${third.found}`);
    twice++;
  }
  flash = whole.flash;
}
console.log(`${once} cut once, ${twice} cut twice`);
