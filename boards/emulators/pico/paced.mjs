// Runs the board in the event loop of node, or of a worker in a browser. While the board waits, its time
// passes as the wall clock's does, so that a time-out means the same to a program there and on the host.
const WORTH_WAITING = 50e3;                     // ns; shorter waits just pass
const START_IS_OVER = 5e6;                      // ns; while it starts, MicroPython waits for less at a time
const LONGEST_WAIT = 60e9;

// Browsers have no setImmediate, and make setTimeout wait.
const soon = globalThis.setImmediate ?? byMessage();

function byMessage() {
  const { port1, port2 } = new MessageChannel();
  const calls = [];
  port1.onmessage = () => calls.shift()();
  return (call) => {
    calls.push(call);
    port2.postMessage(null);
  };
}

export class PacedRun {
  onReady() {}                                  // the board has started, and its serial port is open
  onFailure() {}                                // (error) the run has ended

  constructor(pico) {
    this.pico = pico;
    this.readyMcu = null;
    this.timer = null;
    soon(() => this.work());
  }

  send(bytes) {
    this.pico.send(bytes);
    if (this.waiting) this.wake();
  }

  reset() {
    this.pico.reset();
    if (this.waiting) this.resume();
  }

  get waiting() {
    return this.timer !== null;
  }

  work() {
    try {
      for (let i = 0; i < 20; i++) {
        if (this.pico.run(20e3)) continue;
        const nanos = this.pico.nanosToEvent;
        if (nanos >= WORTH_WAITING) return this.wait(Math.min(nanos, LONGEST_WAIT));
        this.pico.sleep(nanos);
      }
    } catch (error) {
      return this.onFailure(error);
    }
    soon(() => this.work());
  }

  wait(nanos) {
    this.pico.saveFlash();
    if (nanos >= START_IS_OVER && this.pico.connected && this.readyMcu !== this.pico.mcu) {
      this.readyMcu = this.pico.mcu;
      this.onReady();                           // may send something
      return soon(() => this.work());
    }
    this.waitingSince = performance.now();
    this.timer = setTimeout(() => this.wake(), Math.max(1, nanos / 1e6));
  }

  wake() {
    const passed = (performance.now() - this.waitingSince) * 1e6;
    this.pico.sleep(Math.min(passed, this.pico.nanosToEvent));
    this.resume();
  }

  resume() {
    clearTimeout(this.timer);
    this.timer = null;
    soon(() => this.work());
  }
}
