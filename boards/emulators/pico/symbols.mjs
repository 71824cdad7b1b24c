// The functions in an .elf file: their addresses by name, and their names by address.
import fs from 'node:fs';

const SYMTAB = 2;
const FUNCTION = 2;

export class Symbols {
  constructor(path) {
    const elf = fs.readFileSync(path);
    if (elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 1) throw new Error(`${path} is not a 32-bit .elf file`);
    const sections = elf.readUInt32LE(32);
    const sectionBytes = elf.readUInt16LE(46);
    const section = (i) => {
      const at = sections + i * sectionBytes;
      return { type: elf.readUInt32LE(at + 4), start: elf.readUInt32LE(at + 16),
        bytes: elf.readUInt32LE(at + 20), link: elf.readUInt32LE(at + 24) };
    };
    this.functions = [];
    for (let i = 0; i < elf.readUInt16LE(48); i++) {
      const table = section(i);
      if (table.type !== SYMTAB) continue;
      const names = section(table.link).start;
      for (let at = table.start; at < table.start + table.bytes; at += 16) {
        if ((elf[at + 12] & 0xf) !== FUNCTION) continue;
        const nameStart = names + elf.readUInt32LE(at);
        this.functions.push({
          name: elf.toString('latin1', nameStart, elf.indexOf(0, nameStart)),
          address: elf.readUInt32LE(at + 4) & ~1,
          bytes: elf.readUInt32LE(at + 8),
        });
      }
    }
  }

  addressOf(name) {
    const found = this.functions.find((f) => f.name === name);
    if (!found) throw new Error(`the firmware has no function ${name}; was it inlined?`);
    return found.address;
  }

  // "mp_obj_len+0x12", or nothing
  describe(address) {
    address &= ~1;
    const f = this.functions.find((f) => address >= f.address && address < f.address + f.bytes);
    return f && `${f.name}+0x${(address - f.address).toString(16)}`;
  }
}
