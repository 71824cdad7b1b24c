// What comes from npm. In a browser another file of this name stands in for this one: boards/web_board.sh writes it.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);    // which, unlike import, heeds NODE_PATH
export const { RP2040, USBCDC } = require('rp2040js');
export const { blockSize, decodeBlock } = require('uf2');
