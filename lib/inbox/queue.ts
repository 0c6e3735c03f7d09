interface Place<T> {
  readonly value: T;
  next?: Place<T>;
}

/** First in, first out, however many are in it. */
export class Queue<T> {
  private first: Place<T> | undefined;
  private last: Place<T> | undefined;

  get isEmpty(): boolean {
    return this.first === undefined;
  }

  add(value: T): void {
    const place: Place<T> = { value };
    if (this.last) this.last.next = place;
    else this.first = place;
    this.last = place;
  }

  /** The first, which is in it no more. */
  take(): T | undefined {
    const place = this.first;
    this.first = place?.next;
    if (!this.first) this.last = undefined;
    return place?.value;
  }
}
