// Executes the common instructions of the Cortex-M0+ on the registers, flags and memory of rp2040js'
// CPU, 3.5 times as fast as that does. It stops before any other instruction, and before whatever is
// not plain memory: rp2040js then executes that, be it a peripheral, a fault or an interrupt's return.
// The results are those of rp2040js to the last flag and cycle; tests/system/compare_cores.mjs makes sure.
// Encodings are those of the ARMv6-M manual, chapter A5.
import { FLASH_BYTES, FLASH_START, RAM_START } from './bus.mjs';

const SP = 13;
const LR = 14;
const PC = 15;

// What a load or store does: bits 9 to 11 of those that add two registers.
const NONE = -1;
const [STR, STRH, STRB, LDRSB, LDR, LDRH, LDRB, LDRSH] = [0, 1, 2, 3, 4, 5, 6, 7];

const CPSID = 0xb672;
const MRS = 0xf3ef;                             // op2 has the register, and what it reads
const FROM_PRIMASK = 0x8010;
const BARRIER = 0xf3bf;                         // op2 has which: DSB, DMB, ISB
const [DSB, ISB] = [0x8f40, 0x8f60];

const SIO_START = 0xd0000000;
const SIO_DIVIDER = 0x60;
const SIO_END = 0x180;

export class FastCore {
  // mcu: a CheckedRP2040
  constructor(mcu) {
    this.core = mcu.core;
    this.sio = mcu.sio;
    this.registers = new Int32Array(mcu.core.registers.buffer);
    this.rom16 = new Uint16Array(mcu.bootrom.buffer);
    this.flash = mcu.flash.subarray(0, FLASH_BYTES);
    this.flash16 = new Uint16Array(mcu.flash.buffer, 0, FLASH_BYTES / 2);
    this.flash32 = new Int32Array(mcu.flash.buffer, 0, FLASH_BYTES / 4);
    this.ram = mcu.sram;
    this.ram16 = new Uint16Array(mcu.sram.buffer);
    this.ram32 = new Int32Array(mcu.sram.buffer);
  }

  // Executes until a number of cycles has passed, or one of the other instructions comes, or one whose
  // address is watched (see profile.mjs); returns the cycles.
  execute(limit, watched = null) {
    const { core, sio, registers: r, rom16, flash, flash16, flash32, ram, ram16, ram32 } = this;
    const ramBytes = ram.length;
    // Where the program is: a memory and its first address.
    let code = flash16;
    let codeStart = FLASH_START;

    let pc = r[PC];
    // The flags: N is n < 0, Z is n === 0, C is c, V is v < 0.
    if (core.N && core.Z) return 0;             // no result is both
    let n = core.N ? -1 : core.Z ? 0 : 1;
    let c = core.C ? 1 : 0;
    let v = core.V ? -1 : 0;
    let cycles = 0;

    run: while (cycles < limit) {
      let at = (pc - codeStart) >>> 1;
      if (at >= code.length) {
        const address = pc >>> 0;
        codeStart = address < FLASH_START ? 0 : address < RAM_START ? FLASH_START : RAM_START;
        code = address < FLASH_START ? rom16 : address < RAM_START ? flash16 : ram16;
        at = (pc - codeStart) >>> 1;
        if (at >= code.length) break;
      }
      if (watched !== null && watched[at & watched.length - 1] && cycles) break;
      const op = code[at];
      const d = op & 7;                         // mostly the destination
      const m = op >> 3 & 7;
      let access = NONE;
      let address = 0;
      let t = d;                                // what a load or store transfers

      switch (op >> 11) {
        case 0b00000: {                         // LSLS d, m, #
          const shift = op >> 6 & 31;
          const value = r[m];
          if (shift) c = value >>> 32 - shift & 1;
          n = r[d] = value << shift;
          break;
        }
        case 0b00001: {                         // LSRS d, m, #
          const shift = op >> 6 & 31;
          const value = r[m];
          c = value >>> shift - 1 & 1;          // a shift by 0 means 32
          n = r[d] = shift ? value >>> shift : 0;
          break;
        }
        case 0b00010: {                         // ASRS d, m, #
          const shift = op >> 6 & 31;
          const value = r[m];
          c = value >>> shift - 1 & 1;
          n = r[d] = value >> (shift || 31);
          break;
        }
        case 0b00011: {                         // ADDS, SUBS d, m, register or #
          const a = r[m];
          const b = op & 1 << 10 ? op >> 6 & 7 : r[op >> 6 & 7];
          if (op & 1 << 9) {
            n = a - b | 0;
            c = a >>> 0 >= b >>> 0 ? 1 : 0;
            v = (a ^ b) & (a ^ n);
          } else {
            n = a + b | 0;
            c = n >>> 0 < a >>> 0 ? 1 : 0;
            v = (a ^ n) & (b ^ n);
          }
          r[d] = n;
          break;
        }
        case 0b00100:                           // MOVS #
          n = r[op >> 8 & 7] = op & 0xff;
          break;
        case 0b00101: {                         // CMP #
          const a = r[op >> 8 & 7];
          const b = op & 0xff;
          n = a - b | 0;
          c = a >>> 0 >= b ? 1 : 0;
          v = a & ~n;
          break;
        }
        case 0b00110: {                         // ADDS #
          const a = r[op >> 8 & 7];
          n = r[op >> 8 & 7] = a + (op & 0xff) | 0;
          c = n >>> 0 < a >>> 0 ? 1 : 0;
          v = ~a & n;
          break;
        }
        case 0b00111: {                         // SUBS #
          const a = r[op >> 8 & 7];
          const b = op & 0xff;
          n = r[op >> 8 & 7] = a - b | 0;
          c = a >>> 0 >= b ? 1 : 0;
          v = a & ~n;
          break;
        }

        case 0b01000:
          if (op & 1 << 10) {                   // on all registers
            const to = op >> 4 & 8 | d;
            const from = op >> 3 & 15;
            if (from === PC) break run;
            switch (op >> 8 & 3) {
              case 0b00:                        // ADD
                if (to === PC) break run;
                r[to] = to === SP ? r[to] + r[from] & ~3 : r[to] + r[from];
                break;
              case 0b01: {                      // CMP
                if (to === PC) break run;
                const a = r[to];
                const b = r[from];
                n = a - b | 0;
                c = a >>> 0 >= b >>> 0 ? 1 : 0;
                v = (a ^ b) & (a ^ n);
                break;
              }
              case 0b10:                        // MOV
                if (to === PC) {
                  pc = r[from] & ~1;
                  cycles += 2;
                  continue;
                }
                r[to] = to === SP ? r[from] & ~3 : r[from];
                break;
              case 0b11:                        // BX, BLX
                // In an interrupt BX may be its return.
                if (d || (to < 8 && r[from] >>> 28 === 15)) break run;
                if (to >= 8) r[LR] = pc + 2 | 1;
                pc = r[from] & ~1;
                cycles += 2;
                continue;
            }
            break;
          }
          switch (op >> 6 & 15) {
            case 0b0000: n = r[d] &= r[m]; break;                 // ANDS
            case 0b0001: n = r[d] ^= r[m]; break;                 // EORS
            case 0b0010: {                      // LSLS
              const shift = r[m] & 0xff;
              const value = r[d];
              if (shift) c = value >>> 32 - shift & 1;
              n = r[d] = shift < 32 ? value << shift : 0;
              break;
            }
            case 0b0011: {                      // LSRS
              const shift = r[m] & 0xff;
              const value = r[d];
              c = shift <= 32 ? value >>> shift - 1 & 1 : 0;
              n = r[d] = shift < 32 ? value >>> shift | 0 : 0;
              break;
            }
            case 0b0100: {                      // ASRS
              const shift = Math.min(r[m] & 0xff, 32);
              const value = r[d];
              c = value >>> shift - 1 & 1;
              n = r[d] = value >> Math.min(shift, 31);
              break;
            }
            case 0b0101: {                      // ADCS
              const a = r[m];
              const b = r[d];
              const sum = (a >>> 0) + (b >>> 0) + c;
              n = r[d] = sum | 0;
              v = (a ^ n) & (b + c ^ n);
              c = sum > 0xffffffff ? 1 : 0;
              break;
            }
            case 0b0110: {                      // SBCS
              const a = r[d];
              const b = r[m] + 1 - c;
              c = a >>> 0 >= (r[m] >>> 0) + 1 - c ? 1 : 0;
              n = r[d] = a - b | 0;
              v = (a ^ b) & (a ^ n);
              break;
            }
            case 0b0111: {                      // RORS
              const shift = r[m] & 31;
              const value = r[d];
              n = r[d] = value >>> shift | value << 32 - shift;
              c = n >>> 31;
              break;
            }
            case 0b1000: n = r[d] & r[m]; break;                  // TST
            case 0b1001: {                      // RSBS
              const b = r[m];
              n = r[d] = -b | 0;
              c = b === 0 ? 1 : 0;
              v = b & n;
              break;
            }
            case 0b1010: {                      // CMP
              const a = r[d];
              const b = r[m];
              n = a - b | 0;
              c = a >>> 0 >= b >>> 0 ? 1 : 0;
              v = (a ^ b) & (a ^ n);
              break;
            }
            case 0b1011: {                      // CMN
              const a = r[d];
              const b = r[m];
              n = a + b | 0;
              c = n >>> 0 < a >>> 0 ? 1 : 0;
              v = (a ^ n) & (b ^ n);
              break;
            }
            case 0b1100: n = r[d] |= r[m]; break;                 // ORRS
            case 0b1101: n = r[d] = Math.imul(r[d], r[m]); break; // MULS
            case 0b1110: n = r[d] &= ~r[m]; break;                // BICS
            case 0b1111: n = r[d] = ~r[m]; break;                 // MVNS
          }
          break;

        // Loads and stores: what of which address.
        case 0b01001:
          address = (pc + 4 & ~3) + ((op & 0xff) << 2) | 0;
          access = LDR;
          t = op >> 8 & 7;
          break;
        case 0b01010:
        case 0b01011:
          address = r[m] + r[op >> 6 & 7] | 0;
          access = op >> 9 & 7;
          break;
        case 0b01100: address = r[m] + (op >> 4 & 0x7c) | 0; access = STR; break;
        case 0b01101: address = r[m] + (op >> 4 & 0x7c) | 0; access = LDR; break;
        case 0b01110: address = r[m] + (op >> 6 & 0x1f) | 0; access = STRB; break;
        case 0b01111: address = r[m] + (op >> 6 & 0x1f) | 0; access = LDRB; break;
        case 0b10000: address = r[m] + (op >> 5 & 0x3e) | 0; access = STRH; break;
        case 0b10001: address = r[m] + (op >> 5 & 0x3e) | 0; access = LDRH; break;
        case 0b10010: address = r[SP] + ((op & 0xff) << 2) | 0; access = STR; t = op >> 8 & 7; break;
        case 0b10011: address = r[SP] + ((op & 0xff) << 2) | 0; access = LDR; t = op >> 8 & 7; break;

        case 0b10100: r[op >> 8 & 7] = (pc & ~3) + 4 + ((op & 0xff) << 2); break;       // ADR
        case 0b10101: r[op >> 8 & 7] = r[SP] + ((op & 0xff) << 2); break;               // ADD SP

        case 0b10110:
          if (op >> 9 === 0b1011010) {          // PUSH
            let to = r[SP];
            for (let list = op & 0x1ff; list; list >>= 1) to -= 4 * (list & 1);
            let word = to - RAM_START >>> 0;
            if (word & 3 || word + 36 > ramBytes) break run;
            word >>= 2;
            for (let i = 0, list = op & 0xff; list; i++, list >>= 1) {
              if (!(list & 1)) continue;
              ram32[word++] = r[i];
              cycles++;
            }
            if (op & 0x100) ram32[word] = r[LR];
            r[SP] = to;
            break;
          }
          switch (op >> 6 & 31) {
            case 0b00000:
            case 0b00001: r[SP] = r[SP] + ((op & 0x7f) << 2) & ~3; break;
            case 0b00010:
            case 0b00011: r[SP] = r[SP] - ((op & 0x7f) << 2) & ~3; break;
            case 0b01000: r[d] = r[m] << 16 >> 16; break;         // SXTH
            case 0b01001: r[d] = r[m] << 24 >> 24; break;         // SXTB
            case 0b01010: r[d] = r[m] & 0xffff; break;            // UXTH
            case 0b01011: r[d] = r[m] & 0xff; break;              // UXTB
            default:
              if (op !== CPSID) break run;
              core.PM = true;
          }
          break;

        case 0b10111: {
          if (op >> 9 !== 0b1011110) break run;
                                                // POP
          let word = r[SP] - RAM_START >>> 0;
          if (word & 3 || word + 36 > ramBytes) break run;
          word >>= 2;
          const first = word;
          for (let list = op & 0xff; list; list >>= 1) word += list & 1;
          const target = ram32[word];
          // In an interrupt this may be its return.
          if (op & 0x100 && target >>> 28 === 15) break run;
          r[SP] += (word - first + (op >> 8 & 1)) << 2;
          word = first;
          for (let i = 0, list = op & 0xff; list; i++, list >>= 1) {
            if (!(list & 1)) continue;
            r[i] = ram32[word++];
            cycles++;
          }
          if (op & 0x100) {
            pc = target & ~1;
            cycles += 3;
            continue;
          }
          break;
        }

        case 0b11000:                           // STM, LDM
        case 0b11001: {
          const base = op >> 8 & 7;
          let word = r[base] - RAM_START >>> 0;
          if (word & 3 || word + 32 > ramBytes) break run;
          word >>= 2;
          for (let i = 0, list = op & 0xff; list; i++, list >>= 1) {
            if (!(list & 1)) continue;
            if (op & 1 << 11) r[i] = ram32[word++];
            else ram32[word++] = r[i];
            cycles++;
          }
          if (!(op & 1 << base)) r[base] = (word << 2) + RAM_START;
          break;
        }

        case 0b11010:
        case 0b11011: {                         // B if
          let taken;
          switch (op >> 9 & 7) {
            case 0: taken = n === 0; break;
            case 1: taken = c !== 0; break;
            case 2: taken = n < 0; break;
            case 3: taken = v < 0; break;
            case 4: taken = c !== 0 && n !== 0; break;
            case 5: taken = (n ^ v) >= 0; break;
            case 6: taken = (n ^ v) >= 0 && n !== 0; break;
            default: break run;                 // UDF, SVC
          }
          if (taken === !(op & 1 << 8)) {
            pc += (op << 24 >> 23) + 4;
            cycles += 2;
            continue;
          }
          break;
        }
        case 0b11100:                           // B
          pc += (op << 21 >> 20) + 4;
          cycles += 2;
          continue;
        case 0b11110: {                         // BL and what begins like it
          if (at + 1 === code.length) break run;
          const op2 = code[at + 1];
          if (op2 >> 12 !== 0b1111 && op2 >> 12 !== 0b1101) {
            if (op === MRS && (op2 & 0xf8ff) === FROM_PRIMASK) r[op2 >> 8 & 7] = core.PM ? 1 : 0;
            else if (op !== BARRIER || (op2 < DSB || op2 >= ISB + 16)) break run;
            pc += 4;
            cycles += 3;
            continue;
          }
          const sign = op << 21 >> 31;
          const i1 = ~(sign ^ op2 >> 13) & 1;
          const i2 = ~(sign ^ op2 >> 11) & 1;
          r[LR] = pc + 4 | 1;
          pc += 4 + (sign << 24 | i1 << 23 | i2 << 22 | (op & 0x3ff) << 12 | (op2 & 0x7ff) << 1);
          cycles += 3;
          continue;
        }
        default: break run;
      }

      if (access !== NONE) {
        let i = address - RAM_START >>> 0;
        if (i < ramBytes) {
          switch (access) {
            case STR: if (i & 3) break run; ram32[i >> 2] = r[t]; break;
            case STRH: if (i & 1) break run; ram16[i >> 1] = r[t]; break;
            case STRB: ram[i] = r[t]; break;
            case LDR: if (i & 3) break run; r[t] = ram32[i >> 2]; break;
            case LDRH: if (i & 1) break run; r[t] = ram16[i >> 1]; break;
            case LDRB: r[t] = ram[i]; break;
            case LDRSH: if (i & 1) break run; r[t] = ram16[i >> 1] << 16 >> 16; break;
            case LDRSB: r[t] = ram[i] << 24 >> 24; break;
          }
        } else if ((i = address - FLASH_START >>> 0) < FLASH_BYTES) {
          switch (access) {
            case LDR: if (i & 3) break run; r[t] = flash32[i >> 2]; break;
            case LDRH: if (i & 1) break run; r[t] = flash16[i >> 1]; break;
            case LDRB: r[t] = flash[i]; break;
            case LDRSH: if (i & 1) break run; r[t] = flash16[i >> 1] << 16 >> 16; break;
            case LDRSB: r[t] = flash[i] << 24 >> 24; break;
            default: break run;
          }
        } else {
          // What takes no time and raises no interrupt: the number of the core, divider, locks.
          i = address - SIO_START >>> 0;
          if (i & 3 || i >= SIO_END || (i && i < SIO_DIVIDER)) break run;
          if (access === LDR) r[t] = sio.readUint32(i);
          else if (access === STR && i) sio.writeUint32(i, r[t] >>> 0);
          else break run;
          cycles--;
        }
        cycles++;
      }
      pc += 2;
      cycles++;
    }

    r[PC] = pc;
    core.N = n < 0;
    core.Z = n === 0;
    core.C = c !== 0;
    core.V = v < 0;
    core.cycles += cycles;
    return cycles;
  }
}
