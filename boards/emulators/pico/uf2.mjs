// Puts the firmware in a UF2 file where a Pico in its boot loader would: into flash.
const BLOCK = 512;
const MAGIC = [[0, 0x0a324655], [4, 0x9e5d5157], [508, 0x0ab16f30]];
const FLASH_START = 0x10000000;
const HAS_FAMILY = 0x2000;
const RP2040 = 0xe48bff56;

export function loadUf2(file, flash) {
  if (!file.length || file.length % BLOCK) throw new Error('this is not a UF2 file');
  for (let i = 0; i < file.length; i += BLOCK) {
    const block = file.subarray(i, i + BLOCK);
    if (MAGIC.some(([at, value]) => block.readUInt32LE(at) !== value)) {
      throw new Error('this is not a UF2 file');
    }
    if (block.readUInt32LE(8) & HAS_FAMILY && block.readUInt32LE(28) !== RP2040) {
      throw new Error('this UF2 file is for another chip than the RP2040');
    }
    const offset = block.readUInt32LE(12) - FLASH_START;
    const data = block.subarray(32, 32 + block.readUInt32LE(16));
    if (offset < 0 || offset + data.length > flash.length) {
      throw new Error("this UF2 file does not fit into the Pico's flash");
    }
    flash.set(data, offset);
  }
}
