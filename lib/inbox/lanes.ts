import { Queue } from './queue.js';

/** How long the event loop is kept from everything else at a time. */
const LONGEST_TURN_MS = 2;

/** Something to do; those in one lane are done one after another. */
export interface Task {
  readonly lane: string | undefined;
  /** Neither throws nor rejects. Without a promise, it has come to its end. */
  run(): Promise<void> | undefined;
}

/**
 * Runs tasks in the order in which they came, so many at once. Those in one lane
 * wait for each other, those in none for nobody.
 */
export class Lanes {
  private readonly waiting = new Queue<Task>();
  /** The next ones of lanes in which another has ended. */
  private readonly next = new Queue<Task>();
  /** What waits for the one that runs or is next, by lane. A task that ends at once never gets here. */
  private readonly behind = new Map<string, Queue<Task>>();
  private isOpen = false;
  private running = 0;
  private scheduled: NodeJS.Immediate | undefined;

  constructor(private readonly concurrency: number) {}

  /** Begins to run what was added. */
  open(): void {
    this.isOpen = true;
    this.schedule();
  }

  /** Begins nothing more; what runs goes on. */
  close(): void {
    this.isOpen = false;
  }

  add(task: Task): void {
    this.waiting.add(task);
    this.schedule();
  }

  /** Whether nothing waits to begin. */
  get isIdle(): boolean {
    return this.next.isEmpty && this.waiting.isEmpty;
  }

  /** Begins what waits now and not later, as far as that does not take long. */
  beginNow(): void {
    clearImmediate(this.scheduled);
    this.scheduled = undefined;
    this.runWaiting();
    this.schedule();
  }

  /** Later, so that I/O comes in between, the answers to other calls first. */
  private schedule(): void {
    if (!this.isOpen || this.scheduled || !this.canBegin) return;
    this.scheduled = setImmediate(() => {
      this.scheduled = undefined;
      this.runWaiting();
      this.schedule();
    });
  }

  private get canBegin(): boolean {
    return !this.isIdle && this.running < this.concurrency;
  }

  private runWaiting(): void {
    const turnEnds = performance.now() + LONGEST_TURN_MS;
    while (this.isOpen && this.canBegin) {
      const next = this.next.take();
      if (next) this.runNext(next);
      else this.runUnlessBehind(this.waiting.take()!);
      if (performance.now() >= turnEnds) return;
    }
  }

  private runNext(task: Task): void {
    if (!this.run(task)) this.follow(task.lane);
  }

  private runUnlessBehind(task: Task): void {
    const lane = this.behind.size > 0 ? task.lane : undefined;
    const others = lane === undefined ? undefined : this.behind.get(lane);
    if (others) others.add(task);
    else this.run(task);
  }

  /** Tells whether it has still to come to its end. */
  private run(task: Task): boolean {
    const ending = task.run();
    if (ending) void this.await(ending, task.lane);
    return ending !== undefined;
  }

  private async await(
    ending: Promise<void>,
    lane: string | undefined,
  ): Promise<void> {
    this.running++;
    if (lane !== undefined && !this.behind.has(lane)) {
      this.behind.set(lane, new Queue());
    }
    await ending;
    this.running--;
    this.follow(lane);
    this.schedule();
  }

  private follow(lane: string | undefined): void {
    if (lane === undefined) return;
    const next = this.behind.get(lane)?.take();
    if (next) this.next.add(next);
    else this.behind.delete(lane);
  }
}
