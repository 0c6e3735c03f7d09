const MARKS = ['.', '-', '_', '~'] as const;

/** Keeps names of one object apart that become the same when they are masked. */
export class DistinctNames {
  private readonly given = new Map<string, string>();
  private readonly taken = new Set<string>();
  private readonly counts = new Map<string, number>();

  constructor(private readonly mask: (name: string) => string) {}

  /** The masked name, with some marks where another name has it; the same one for the same name. */
  standInFor(name: string): string {
    const known = this.given.get(name);
    if (known !== undefined) return known;
    const masked = this.mask(name);
    let count = this.counts.get(masked) ?? 0;
    let free = masked;
    while (this.taken.has(free)) free = masked + inMarks(++count);
    this.counts.set(masked, count);
    this.taken.add(free);
    this.given.set(name, free);
    return free;
  }
}

/** Marks and not digits: masked again, a name stays what it is. */
function inMarks(count: number): string {
  let marks = '';
  for (let rest = count; rest > 0; rest = Math.floor((rest - 1) / 4)) {
    marks = MARKS[(rest - 1) % 4]! + marks;
  }
  return marks;
}
