// The functions of a firmware as `readelf -sW` lists them: their addresses by name, and their names by address.
export class Symbols {
  constructor(list) {
    const lines = list.matchAll(/: (\w+) +(\w+) FUNC .* (\S+)$/gm);
    this.functions = Array.from(lines, ([, address, bytes, name]) => (
      { name, address: parseInt(address, 16) & ~1, bytes: Number(bytes) }));
  }

  addressOf(name) {
    const found = this.functions.find((f) => f.name === name);
    if (!found) throw new Error(`the firmware's .elf file has no function ${name}; was it inlined?`);
    return found.address;
  }

  // "mp_obj_len+0x12", or nothing
  describe(address) {
    address &= ~1;
    const f = this.functions.find((f) => address >= f.address && address < f.address + f.bytes);
    return f && `${f.name}+0x${(address - f.address).toString(16)}`;
  }
}
