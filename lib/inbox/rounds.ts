/** Tells when all have ended that had begun before, while others begin. */
export class Rounds {
  private current = 0;
  private ofCurrent = 0;
  private ofEarlier = 0;
  private whenEnded: (() => void)[] = [];

  /** So many begin; returns the number of the round with which each of them ends. */
  begin(count: number): number {
    this.ofCurrent += count;
    return this.current;
  }

  /** One ends that began in a round. */
  end(round: number): void {
    if (round === this.current) this.ofCurrent--;
    else this.ofEarlier--;
    if (this.ofEarlier > 0 || this.whenEnded.length === 0) return;
    for (const resolve of this.whenEnded.splice(0)) resolve();
  }

  /** Resolves when all have ended that have begun up to now. */
  async allEnded(): Promise<void> {
    this.current++;
    this.ofEarlier += this.ofCurrent;
    this.ofCurrent = 0;
    if (this.ofEarlier === 0) return;
    await new Promise<void>(resolve => this.whenEnded.push(resolve));
  }
}
