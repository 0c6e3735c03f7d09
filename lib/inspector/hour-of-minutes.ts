const MINUTE_MS = 60_000;
const MINUTES = 60;

/** Upper bound of the durations that are kept of one minute. */
const MAX_SAMPLES = 500;

/** Figures of the last 60 minutes, one per minute, the oldest first. */
export interface InspectorCharts {
  /** Start of each minute, in ISO 8601. */
  readonly minutes: readonly string[];
  /** Accepted entries by the name of their type; `invalid` for invalid entries. */
  readonly events: Readonly<Record<string, readonly number[]>>;
  /** Attempts of handlers that failed. */
  readonly failures: readonly number[];
  readonly strikes: readonly number[];
  /** Durations of attempts of handlers. */
  readonly handlerMs: Percentiles;
  /** Times from the end of the body of a call to its answer. */
  readonly answerMs: Percentiles;
}

/** Percentiles of each minute; `null` where there is no value. */
interface Percentiles {
  readonly p50: readonly (number | null)[];
  readonly p95: readonly (number | null)[];
  readonly p99: readonly (number | null)[];
}

/** Random sample of the durations of a minute. */
class Sample {
  private readonly values: number[] = [];
  private count = 0;

  add(value: number): void {
    this.count++;
    if (this.values.length < MAX_SAMPLES) {
      this.values.push(value);
      return;
    }
    const place = Math.floor(Math.random() * this.count);
    if (place < MAX_SAMPLES) this.values[place] = value;
  }

  sorted(): number[] {
    return this.values.toSorted((one, other) => one - other);
  }
}

class Minute {
  readonly events = new Map<string, number>();
  readonly handlerMs = new Sample();
  readonly answerMs = new Sample();
  failures = 0;
  strikes = 0;
}

/** Counts events and samples durations by minute, for one hour. */
export class HourOfMinutes {
  private readonly minutes = new Map<number, Minute>();

  constructor(private readonly now: () => number = Date.now) {}

  addEvent(typeName: string): void {
    const { events } = this.current();
    events.set(typeName, (events.get(typeName) ?? 0) + 1);
  }

  addAnswer(durationMs: number): void {
    this.current().answerMs.add(durationMs);
  }

  addHandlerRun(durationMs: number | undefined, hasFailed: boolean): void {
    const minute = this.current();
    if (hasFailed) minute.failures++;
    if (durationMs !== undefined) minute.handlerMs.add(durationMs);
  }

  addStrike(): void {
    this.current().strikes++;
  }

  /** Returns the charts of the last hour. */
  charts(): InspectorCharts {
    const last = this.currentNumber();
    const numbers = Array.from(
      { length: MINUTES },
      (_, index) => last - MINUTES + 1 + index,
    );
    const empty = new Minute();
    const minutes = numbers.map(number => this.minutes.get(number) ?? empty);
    const names = new Set(minutes.flatMap(({ events }) => [...events.keys()]));
    return {
      minutes: numbers.map(number =>
        new Date(number * MINUTE_MS).toISOString(),
      ),
      events: Object.fromEntries(
        [...names].map(name => [
          name,
          minutes.map(({ events }) => events.get(name) ?? 0),
        ]),
      ),
      failures: minutes.map(({ failures }) => failures),
      strikes: minutes.map(({ strikes }) => strikes),
      handlerMs: percentilesOf(minutes.map(({ handlerMs }) => handlerMs)),
      answerMs: percentilesOf(minutes.map(({ answerMs }) => answerMs)),
    };
  }

  private currentNumber(): number {
    return Math.floor(this.now() / MINUTE_MS);
  }

  private current(): Minute {
    const number = this.currentNumber();
    const known = this.minutes.get(number);
    if (known) return known;
    const minute = new Minute();
    this.minutes.set(number, minute);
    // The clock may have been set back: a minute of the future is removed as well.
    for (const other of this.minutes.keys()) {
      if (other > number || other <= number - MINUTES) {
        this.minutes.delete(other);
      }
    }
    return minute;
  }
}

function percentilesOf(samples: readonly Sample[]): Percentiles {
  const sorted = samples.map(sample => sample.sorted());
  const percentile = (share: number) =>
    sorted.map(values => {
      const value = values[Math.ceil(values.length * share) - 1];
      return value === undefined ? null : Math.round(value * 100) / 100;
    });
  return { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99) };
}
