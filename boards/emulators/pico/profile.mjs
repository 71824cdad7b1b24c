// Counts the cycles that C functions take on the emulated processor, from a function's first
// instruction to its return, with everything it calls. Interrupts that come in between do not count.
export class Profile {
  // names: functions; symbols: where they are
  constructor(names, symbols) {
    this.entries = new Map(names.map((name) => [symbols.addressOf(name), name]));
    this.names = names;
    this.take();
    this.active = [];
    this.cycles = 0;
    // Whether before() has something to do at an address; several share a place in this.
    this.watched = new Uint16Array(1024);
    for (const address of this.entries.keys()) this.watch(address, 1);
  }

  watch(address, count) {
    this.watched[(address >>> 1) % this.watched.length] += count;
  }

  // Before each instruction that is watched, or more of them.
  before(core) {
    const pc = core.PC;
    while (this.active.length) {
      const call = this.active[this.active.length - 1];
      if (pc !== call.returnsTo || core.SP !== call.sp) break;
      this.end();
      const total = this.totals[call.name];
      total.calls++;
      total.cycles += this.cycles - call.start;
    }
    const name = this.entries.get(pc);
    if (name === undefined) return;
    const call = { name, returnsTo: core.LR & ~1, sp: core.SP, start: this.cycles };
    // A call that an exception (longjmp) has ended never returns: it is on the stack that this one reuses.
    const isOver = (old) => old.sp < call.sp ||
      (old.sp === call.sp && (old.returnsTo !== call.returnsTo || old.name === name));
    while (this.active.length && isOver(this.active[this.active.length - 1])) this.end();
    this.active.push(call);
    this.watch(call.returnsTo, 1);
  }

  // Forgets the innermost call.
  end() {
    this.watch(this.active.pop().returnsTo, -1);
  }

  // After some instructions.
  after(core, cycles) {
    if (core.IPSR === 0) this.cycles += cycles;
  }

  // The board was reset.
  forgetCalls() {
    while (this.active.length) this.end();
  }

  // {name: {calls, cycles}}, and a new start.
  take() {
    const totals = this.totals;
    this.totals = Object.fromEntries(this.names.map((name) => [name, { calls: 0, cycles: 0 }]));
    return totals;
  }
}
