const RealDate = globalThis.Date;

let shiftMs = 0;

class SimulatedDate extends RealDate {
  constructor(...given: [] | [number]) {
    if (given.length === 0) super(SimulatedDate.now());
    else super(...given);
  }

  static override now(): number {
    return RealDate.now() + shiftMs;
  }
}

/** Sets the clock of this process back by a time, so that an hour can pass in seconds. */
export function setClockBack(ms: number): void {
  shiftMs = -ms;
  globalThis.Date = SimulatedDate as DateConstructor;
}
