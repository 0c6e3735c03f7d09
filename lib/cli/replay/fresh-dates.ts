import { parseWireDate } from '../../events/parse-wire-date.js';
import { rewriteJson } from '../record/rewrite-json.js';

/** Length of a date from year 0 to 9999 as JavaScript writes it. */
const PLAIN_LENGTH = '2024-05-01T12:00:00.000Z'.length;

/** Moves the `Date` of each entry by the same time, so that the first that it sees is now. */
export class FreshDates {
  private movedByMs: number | undefined;

  constructor(private readonly now: () => number = Date.now) {}

  /** A body of JSON with dates that are moved, to the tick; all else stays as it is. */
  refresh(body: string): string {
    const depth = body.trimStart().startsWith('[') ? 2 : 1;
    let field = '';
    return rewriteJson(body, {
      name(name, scope) {
        if (scope.depth === depth) field = JSON.parse(name) as string;
        return name;
      },
      scalar: (scalar, scope) => {
        const isField = scope?.isObject && scope.depth === depth;
        return isField && field === 'Date' ? this.moved(scalar) : scalar;
      },
    });
  }

  private moved(scalar: string): string {
    const value: unknown = JSON.parse(scalar);
    const date = parseWireDate(value);
    if (!date) return scalar;
    this.movedByMs ??= this.now() - date.getTime();
    const moved = new Date(date.getTime() + this.movedByMs);
    const isDate = !Number.isNaN(moved.getTime());
    const iso = isDate ? moved.toISOString() : '';
    // What is past the year 9999 can not be written as Xenioo does.
    if (iso.length !== PLAIN_LENGTH) return scalar;
    const [, ticks = ''] = /\.\d{3}(\d+)/.exec(value as string) ?? [];
    return JSON.stringify(`${iso.slice(0, -1)}${ticks}+00:00`);
  }
}
