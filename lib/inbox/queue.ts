/** From so many places on, those that were left are given back. */
const MOST_LEFT = 64;

/** First in, first out, however many are in it. */
export class Queue<T> {
  private readonly places: (T | undefined)[] = [];
  /** Where the first is; the places before it were left. */
  private first = 0;

  get isEmpty(): boolean {
    return this.first === this.places.length;
  }

  add(value: T): void {
    this.places.push(value);
  }

  /** The first, which is in it no more. */
  take(): T | undefined {
    if (this.isEmpty) return undefined;
    const value = this.places[this.first];
    this.places[this.first++] = undefined;
    const isMostlyLeft = this.first * 2 > this.places.length;
    if (this.isEmpty || (isMostlyLeft && this.first > MOST_LEFT)) {
      this.places.splice(0, this.first);
      this.first = 0;
    }
    return value;
  }
}
