export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
