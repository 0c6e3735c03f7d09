/** Maximum number of removed values at the front of a long array before it is copied without them. */
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

/** Upper bound in milliseconds of the time for which the queue starts tasks in one turn of the event loop. */
const MAX_TURN_MS = 2;

/**
 * Runs tasks in the order in which they were added, at most `concurrency` at once.
 * Tasks with the same key run one after another; a task without a key waits for no
 * other task.
 */
export class KeyedTaskQueue<T extends { readonly key: string | undefined }> {
  private readonly ready = new Queue<T>();
  /** Tasks whose predecessor with the same key has finished; they start before those in `ready`. */
  private readonly next = new Queue<T>();
  /** The tasks that wait for a task with the same key to finish. A key is present while its task runs or is in `next`; its value is undefined until a second task waits. */
  private readonly followers = new Map<string, Queue<T> | undefined>();
  private turnEndsAt = 0;
  private isOpen = false;
  private runningCount = 0;
  private scheduled: NodeJS.Immediate | undefined;

  constructor(
    private readonly concurrency: number,
    /** Runs a task; must not reject. */
    private readonly run: (task: T) => Promise<void>,
  ) {}

  get running(): number {
    return this.runningCount;
  }

  /** Starts waiting tasks, and those that are added from now on. */
  open(): void {
    this.isOpen = true;
    this.schedule();
  }

  /** Stops starting tasks; running ones continue. */
  close(): void {
    this.isOpen = false;
  }

  add(task: T): void {
    this.ready.push(task);
    this.schedule();
  }

  /** Starts waiting tasks without waiting for the next turn of the event loop. */
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
    this.turnEndsAt = performance.now() + MAX_TURN_MS;
    this.startTasks();
  }

  private startTasks(): void {
    while (this.canStart) {
      const task = this.next.shift();
      if (task) this.start(task);
      else this.startOrQueue(this.ready.shift()!);
      if (performance.now() >= this.turnEndsAt) break;
    }
    this.schedule();
  }

  /** Starts a task, or queues it behind the unfinished one with the same key. */
  private startOrQueue(task: T): void {
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
    this.runningCount++;
    void this.run(task).then(() => this.finished(task));
  }

  private finished({ key }: T): void {
    this.runningCount--;
    if (key !== undefined) {
      const next = this.followers.get(key)?.shift();
      if (next) this.next.push(next);
      else this.followers.delete(key);
    }
    if (performance.now() < this.turnEndsAt) this.startTasks();
    else this.schedule();
  }
}
