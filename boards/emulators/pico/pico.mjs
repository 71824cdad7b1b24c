// A Raspberry Pi Pico: the RP2040 with its boot ROM, 2 MB of flash and a USB serial port.
import { CheckedRP2040, Fault, FLASH_BYTES, FLASH_START } from './bus.mjs';
import { FastCore } from './core.mjs';
import { blockSize, decodeBlock } from './libraries.mjs';
import { UsbSerial } from './usb_serial.mjs';

const UF2_FAMILY = 0xe48bff56;
const ROM_BYTES = 16 << 10;
const WATCHDOG = 0x40058;

// Breakpoints in the boot ROM (boot_rom.c and tables.S have the same numbers).
const ROM_STOPS = {
  0xf1: 'the program called a boot ROM function that the stand-in boot ROM does not have',
  0xf2: 'the flash holds no firmware: the checksum of its first page is wrong',
  0xf3: 'an exception came before the program set its vector table',
  0xf4: 'the program started the USB boot loader (machine.bootloader()), which is not emulated',
  0xf8: 'the program called a function through a null pointer',
};

class Reset extends Error {}

// Puts firmware where a Pico's boot loader would.
function loadUf2(file, flash) {
  for (let i = 0; i < file.length; i += blockSize) {
    const { boardFamily, flashAddress, payload } = decodeBlock(file.subarray(i, i + blockSize));
    if (boardFamily !== UF2_FAMILY) throw new Error('this UF2 file is for another chip than the RP2040');
    flash.set(payload, flashAddress - FLASH_START);
  }
}

export class Pico {
  onOutput() {}                                 // (bytes) from the USB serial port
  onConnected() {}                              // the board has opened its USB serial port
  onFlash() {}                                  // (bytes) of the flash, which has changed

  // rom, uf2: bytes; flash: those that an earlier run has left, if any; symbols, profile: optional helpers
  constructor({ rom, uf2, flash, symbols, profile }) {
    this.rom = rom;
    this.symbols = symbols;
    this.profile = profile;
    this.flash = new Uint8Array(FLASH_BYTES).fill(0xff);
    if (flash) this.flash.set(flash);
    loadUf2(uf2, this.flash);
    this.powerOn();
  }

  powerOn() {
    const mcu = new CheckedRP2040();
    const words = new Uint32Array(ROM_BYTES / 4);
    new Uint8Array(words.buffer).set(this.rom);
    mcu.loadBootrom(words);                     // this erases the flash
    mcu.flash.set(this.flash);
    this.flash = mcu.flash.subarray(0, FLASH_BYTES);
    mcu.onBreak = (number) => {
      const stop = mcu.core.PC < ROM_BYTES && ROM_STOPS[number];
      throw new Fault(stop || `breakpoint or undefined instruction (number ${number})`);
    };
    mcu.peripherals[WATCHDOG].onWatchdogTrigger = () => { throw new Reset(); };
    mcu.addClockListener(() => { this.cycleNanos = 1e9 / mcu.clkSys; });
    this.cycleNanos = 1e9 / mcu.clkSys;

    this.connected = false;
    this.usb = new UsbSerial(mcu.usbCtrl);
    this.usb.onSerialData = (bytes) => this.onOutput(bytes);
    this.usb.onDeviceConnected = () => {
      this.connected = true;
      this.onConnected();
    };
    this.mcu = mcu;
    this.fastCore = new FastCore(mcu);
  }

  // What the watchdog keeps over a reset is how the program learns its cause (machine.reset_cause()).
  reset() {
    this.saveFlash();
    const before = this.mcu.peripherals[WATCHDOG];
    this.powerOn();
    const after = this.mcu.peripherals[WATCHDOG];
    after.reason = before.reason;
    after.scratchData.set(before.scratchData);
    this.profile?.forgetCalls();
  }

  send(bytes) {
    this.usb.send(bytes);
  }

  // Executes for a number of cycles; false when the processor waits for an event.
  run(cycles) {
    const { profile } = this;
    const { core, clock } = this.mcu;
    try {
      while (cycles > 0 && !core.waiting) {
        profile?.before(core);
        const done = this.execute(Math.min(cycles, this.cyclesToEvent));
        profile?.after(core, done);
        clock.tick(done * this.cycleNanos);
        cycles -= done;
      }
      return !core.waiting;
    } catch (error) {
      if (!(error instanceof Reset)) throw this.explain(error);
      this.reset();
      return true;
    }
  }

  // One instruction or more, for about so many cycles; returns how many it took.
  execute(cycles) {
    const { core } = this.mcu;
    const done = core.interruptsUpdated ? 0 : this.fastCore.execute(cycles, this.profile?.watched);
    if (done) return done;
    this.pc = core.PC;
    return core.executeInstruction();
  }

  // Nanoseconds until something happens to a waiting processor without input.
  get nanosToEvent() {
    const { clock } = this.mcu;
    return clock.nextAlarm ? clock.nanosToNextAlarm : Infinity;
  }

  // Until then no peripheral does anything that nobody asked it for.
  get cyclesToEvent() {
    return Math.max(1, Math.ceil(this.nanosToEvent / this.cycleNanos));
  }

  // Lets time pass for a waiting processor.
  sleep(nanos) {
    try {
      this.mcu.clock.tick(nanos);
    } catch (error) {
      if (!(error instanceof Reset)) throw error;
      this.reset();
    }
  }

  explain(error) {
    if (!(error instanceof Fault)) return error;
    const at = (address) => {
      const name = this.symbols?.describe(address);
      return `0x${(address >>> 0).toString(16).padStart(8, '0')}${name ? ` (${name})` : ''}`;
    };
    return new Fault(`${error.message}; program counter ${at(this.pc)}, called from ${at(this.mcu.core.LR)}`);
  }

  saveFlash() {
    if (!this.mcu.flashChanged) return;
    this.mcu.flashChanged = false;
    this.onFlash(this.flash);
  }
}
