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
  }

  // Before each instruction.
  before(core) {
    const pc = core.PC;
    while (this.active.length) {
      const call = this.active[this.active.length - 1];
      if (pc !== call.returnsTo || core.SP !== call.sp) break;
      this.active.pop();
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
    while (this.active.length && isOver(this.active[this.active.length - 1])) this.active.pop();
    this.active.push(call);
  }

  // After each instruction.
  after(core, cycles) {
    if (core.IPSR === 0) this.cycles += cycles;
  }

  // The board was reset.
  forgetCalls() {
    this.active.length = 0;
  }

  // {name: {calls, cycles}}, and a new start.
  take() {
    const totals = this.totals;
    this.totals = Object.fromEntries(this.names.map((name) => [name, { calls: 0, cycles: 0 }]));
    return totals;
  }
}
