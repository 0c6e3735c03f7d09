/** Removed positions at the front of the array are given back from this many on. */
const MAX_REMOVED = 64;

/** A first-in, first-out queue whose `shift()` does not get slower with its length. */
export class Queue<T> {
  private values: (T | undefined)[] = [];
  private first = 0;

  get length(): number {
    return this.values.length - this.first;
  }

  /** Returns the first value without removing it. */
  peek(): T | undefined {
    return this.values[this.first];
  }

  push(value: T): void {
    this.values.push(value);
  }

  shift(): T | undefined {
    const value = this.values[this.first];
    if (this.first === this.values.length) return undefined;
    this.values[this.first++] = undefined;
    const isMostlyRemoved = this.first * 2 > this.values.length;
    if (this.length === 0 || (isMostlyRemoved && this.first > MAX_REMOVED)) {
      this.values = this.values.slice(this.first);
      this.first = 0;
    }
    return value;
  }
}

/** Upper bound of the time that the queue keeps the event loop at once, in milliseconds. */
const LONGEST_TURN_MS = 2;

/**
 * Starts tasks in their order, at most `concurrency` at once. Those of one key run
 * one after another; those without a key wait for nothing else.
 */
export class KeyedTaskQueue<T extends { readonly key: string | undefined }> {
  private readonly ready = new Queue<T>();
  /** Tasks whose predecessor of the same key has ended. */
  private readonly next = new Queue<T>();
  /** By key of a task that runs or is next, the tasks that wait for it; none as a rule. */
  private readonly followers = new Map<string, Queue<T> | undefined>();
  private turnEnds = 0;
  private isOpen = false;
  private runningCount = 0;
  private waitingCount = 0;
  private scheduled: NodeJS.Immediate | undefined;

  constructor(
    private readonly concurrency: number,
    /** Must not reject. */
    private readonly run: (task: T) => Promise<void>,
  ) {}

  get running(): number {
    return this.runningCount;
  }

  get waiting(): number {
    return this.waitingCount;
  }

  /** Starts tasks from now on. */
  open(): void {
    this.isOpen = true;
    this.schedule();
  }

  /** Starts no more tasks; those that run go on. */
  close(): void {
    this.isOpen = false;
  }

  add(task: T): void {
    this.waitingCount++;
    this.ready.push(task);
    this.schedule();
  }

  /** Starts what was added without waiting for the next turn of the event loop. */
  startNow(): void {
    clearImmediate(this.scheduled);
    this.startTurn();
  }

  private get canStart(): boolean {
    return (
      this.isOpen &&
      this.runningCount < this.concurrency &&
      this.next.length + this.ready.length > 0
    );
  }

  private schedule(): void {
    if (this.scheduled || !this.canStart) return;
    this.scheduled = setImmediate(() => this.startTurn());
  }

  private startTurn(): void {
    this.scheduled = undefined;
    this.turnEnds = performance.now() + LONGEST_TURN_MS;
    this.startTasks();
  }

  private startTasks(): void {
    while (this.canStart) {
      const task = this.next.shift();
      if (task) this.start(task);
      else this.startUnlessBehind(this.ready.shift()!);
      if (performance.now() >= this.turnEnds) break;
    }
    this.schedule();
  }

  private startUnlessBehind(task: T): void {
    const { key } = task;
    if (key === undefined) {
      this.start(task);
      return;
    }
    const followers = this.followers.get(key);
    if (followers) followers.push(task);
    else if (this.followers.has(key)) {
      const queue = new Queue<T>();
      queue.push(task);
      this.followers.set(key, queue);
    } else {
      this.followers.set(key, undefined);
      this.start(task);
    }
  }

  private start(task: T): void {
    this.waitingCount--;
    this.runningCount++;
    void this.run(task).then(() => this.end(task));
  }

  private end({ key }: T): void {
    this.runningCount--;
    if (key !== undefined) {
      const next = this.followers.get(key)?.shift();
      if (next) this.next.push(next);
      else this.followers.delete(key);
    }
    if (performance.now() < this.turnEnds) this.startTasks();
    else this.schedule();
  }
}
