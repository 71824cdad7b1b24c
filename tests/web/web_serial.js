// A stand-in for Web Serial, as far as this project uses it: a port whose device is behind web_serial.py.

export class Port extends EventTarget {
  constructor(url) {
    super();
    this.url = url;
  }

  getInfo() {
    return { usbVendorId: 0x2e8a, usbProductId: 5 };
  }

  async open() {
    if (this.connection) {
      throw new DOMException("The port is already open.", "InvalidStateError");
    }
    this.connection = new AbortController();
    const answer = await fetch(this.url, { signal: this.connection.signal });
    this.hear(answer.body.getReader());
    this.writable = new WritableStream({
      write: async (bytes) => {
        const answer = await fetch(this.url, { method: "POST", body: bytes });
        if (!answer.ok) {
          throw this.lost();
        }
      },
    });
  }

  // As long as the port is open, another stream follows one that has ended.
  get readable() {
    if (this.connection && !this.output) {
      const streams = {
        start: (output) => {
          this.output = output;
        },
        cancel: () => {
          this.output = null;
        },
      };
      this.stream = new ReadableStream(streams);
    }
    return this.connection ? this.stream : null;
  }

  async hear(reader) {
    try {
      for (let piece; !(piece = await reader.read()).done;) {
        this.readable;
        this.output.enqueue(piece.value);
      }
    } catch {
      if (this.connection && !this.connection.signal.aborted) {
        this.unplug();
      }
    }
  }

  unplug() {
    this.connection.abort();
    this.output?.error(this.lost());
    this.connection = this.output = null;
    this.dispatchEvent(new Event("disconnect", { bubbles: true }));
  }

  lost() {
    return new DOMException("The device has been lost.", "NetworkError");
  }

  async setSignals() {}

  async close() {
    if (this.stream?.locked || this.writable.locked) {
      throw new TypeError("Cannot close a port whose streams are locked.");
    }
    this.connection.abort();
    this.connection = this.output = this.stream = null;
  }
}

// Gives a page navigator.serial, whose person always chooses this port.
export function install(url) {
  const port = new Port(url);
  const serial = new EventTarget();
  Object.assign(serial, { requestPort: async () => port, getPorts: async () => [port] });
  Object.defineProperty(navigator, "serial", { value: serial, configurable: true });
}
