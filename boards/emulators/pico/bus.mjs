// The RP2040 of rp2040js with an address bus that refuses what faults on the true chip, or is a
// program's mistake there: addresses where nothing is, misaligned words, writes to the flash.
import { RP2040 } from './libraries.mjs';

export const FLASH_START = 0x10000000;
export const FLASH_BYTES = 2 << 20;             // the Pico's flash chip
export const RAM_START = 0x20000000;
const ROM_BYTES = 16 << 10;

// Core 1 (datasheet 2.3.1.4 and 2.13): the mailbox between the cores, and what holds core 1 in reset.
const FIFO_ST = 0x50;
const FIFO_WR = 0x54;
const FIFO_RD = 0x58;
const VALID = 1;
const READY = 2;
const POWER_STATES = 0x40010;
const CORE1 = 1 << 16;

// Where the program does something that a HardFault would answer.
export class Fault extends Error {}

const hex = (n) => `0x${(n >>> 0).toString(16).padStart(8, '0')}`;

function misaligned(what, address) {
  throw new Fault(`misaligned ${what} at address ${hex(address)}`);
}

// rp2040js only logs what it cannot do, and goes on with a made-up value.
const strictLogger = {
  debug() {},
  info() {},
  warn(component, message) {
    // Registers of peripherals that are not emulated are harmless: the SDK sets up pads and oscillators.
    if (component === 'RP2040' || component === 'CortexM0Core') throw new Fault(message);
  },
  error(component, message) {
    throw new Fault(`${component}: ${message}`);
  },
};

export class CheckedRP2040 extends RP2040 {
  constructor() {
    super();
    this.sram16 = new Uint16Array(this.sram.buffer);
    this.sram32 = new Uint32Array(this.sram.buffer);
    this.flash32 = new Uint32Array(this.flash.buffer);
    this.flashChanged = false;
    this.logger = strictLogger;
    this.standInForCore1();
  }

  // Core 1 is not emulated. Let out of its reset, it reports with a zero to core 0 and waits for work.
  standInForCore1() {
    let letters = 0;
    const { sio } = this;
    const powerStates = this.peripherals[POWER_STATES];
    const read = sio.readUint32.bind(sio);
    const write = sio.writeUint32.bind(sio);
    const writePowerStates = powerStates.writeUint32.bind(powerStates);
    sio.readUint32 = (offset) => {
      if (offset === FIFO_ST) return letters ? READY | VALID : READY;
      if (offset !== FIFO_RD) return read(offset);
      letters = 0;
      return 0;
    };
    sio.writeUint32 = (offset, value) => {
      if (offset === FIFO_WR) throw new Fault('the program starts core 1 (_thread), which is not emulated');
      write(offset, value);
    };
    powerStates.writeUint32 = (offset, value) => {
      const held = powerStates.frceOff & CORE1;
      writePowerStates(offset, value);
      if (held && !(powerStates.frceOff & CORE1)) letters = 1;
    };
  }

  readUint32(address) {
    address >>>= 0;
    if (address & 3) misaligned('read of a word', address);
    const ram = address - RAM_START;
    if (ram >= 0 && ram < this.sram.length) return this.sram32[ram >>> 2];
    const flash = address - FLASH_START;
    if (flash >= 0 && flash < FLASH_BYTES) return this.flash32[flash >>> 2];
    this.checkFlashEnd(address);
    return super.readUint32(address);
  }

  readUint16(address) {
    address >>>= 0;
    if (address & 1) misaligned('read of a half-word', address);
    const flash = address - FLASH_START;
    if (flash >= 0 && flash < FLASH_BYTES) return this.flash16[flash >>> 1];
    const ram = address - RAM_START;
    if (ram >= 0 && ram < this.sram.length) return this.sram16[ram >>> 1];
    this.checkFlashEnd(address);
    return super.readUint16(address);
  }

  readUint8(address) {
    address >>>= 0;
    const ram = address - RAM_START;
    if (ram >= 0 && ram < this.sram.length) return this.sram[ram];
    const flash = address - FLASH_START;
    if (flash >= 0 && flash < FLASH_BYTES) return this.flash[flash];
    this.checkFlashEnd(address);
    return super.readUint8(address);
  }

  writeUint32(address, value) {
    address >>>= 0;
    if (address & 3) misaligned('write of a word', address);
    const ram = address - RAM_START;
    if (ram >= 0 && ram < this.sram.length) this.sram32[ram >>> 2] = value;
    else if (address >= ROM_BYTES) {
      if (address >>> 26 === FLASH_START >>> 26) this.checkFlashWrite(address);
      super.writeUint32(address, value);
    }
    // A write to the ROM does nothing, as on the chip: TinyUSB does it for its endpoint 0.
  }

  writeUint16(address, value) {
    address >>>= 0;
    if (address & 1) misaligned('write of a half-word', address);
    const ram = address - RAM_START;
    if (ram >= 0 && ram < this.sram.length) this.sram16[ram >>> 1] = value;
    else super.writeUint16(address, value);
  }

  writeUint8(address, value) {
    address >>>= 0;
    const ram = address - RAM_START;
    if (ram >= 0 && ram < this.sram.length) this.sram[ram] = value;
    else super.writeUint8(address, value);
  }

  // rp2040js has 16 MB of flash where the Pico has 2 MB; both show it four times.
  checkFlashEnd(address) {
    if (address >>> 26 === FLASH_START >>> 26 && (address & 0xffffff) >= FLASH_BYTES) {
      throw new Fault(`access behind the end of the flash at address ${hex(address)}`);
    }
  }

  // Only the boot ROM's functions write the flash; see boot_rom.c.
  checkFlashWrite(address) {
    if (this.core.PC >= ROM_BYTES) throw new Fault(`write to the flash at address ${hex(address)}`);
    this.checkFlashEnd(address);
    this.flashChanged = true;
  }
}
