// The host's side of the board's USB serial port. The class of rp2040js answers every request of the
// board for input at once, if need be with an empty packet, which keeps the board busy, and drops
// input beyond 512 bytes. A true host lets the board wait until there is something to send.
import { USBCDC } from './libraries.mjs';

const PACKET = 64;

export class UsbSerial extends USBCDC {
  constructor(usb) {
    super(usb);
    this.input = new Uint8Array();
    this.wanted = 0;                            // bytes that the board is ready to take
    usb.onEndpointRead = (endpoint, size) => {
      if (endpoint !== this.outEndpoint) return;
      this.wanted = Math.min(size, PACKET);
      this.deliver();
    };
  }

  send(bytes) {
    const before = this.input;
    this.input = new Uint8Array(before.length + bytes.length);
    this.input.set(before);
    this.input.set(bytes, before.length);
    this.deliver();
  }

  deliver() {
    if (!this.wanted || !this.input.length) return;
    const packet = this.input.subarray(0, this.wanted);
    this.input = this.input.subarray(packet.length);
    this.wanted = 0;
    this.usb.endpointReadDone(this.outEndpoint, packet);
  }
}
