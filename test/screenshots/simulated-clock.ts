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

/** Sets the clock of this process, so that an hour can pass in seconds; to the right time without an argument. */
export function setClock(time = RealDate.now()): void {
  shiftMs = time - RealDate.now();
  globalThis.Date = SimulatedDate as DateConstructor;
}
