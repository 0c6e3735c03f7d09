import { Queue } from './queue.js';

/** Something to do; those in one lane are done one after another. */
export interface Task {
  readonly lane: string | undefined;
  /** Never rejects. */
  run(): Promise<void>;
}

/**
 * Runs tasks in the order in which they came, so many at once. Those in one lane
 * wait for each other, those in none for nobody.
 */
export class Lanes {
  private readonly ready = new Queue<Task>();
  /** What waits for the one that is ready or runs, by lane. */
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
    if (task.lane !== undefined) {
      const others = this.behind.get(task.lane);
      if (others) {
        others.add(task);
        return;
      }
      this.behind.set(task.lane, new Queue());
    }
    this.enqueue(task);
  }

  private enqueue(task: Task): void {
    this.ready.add(task);
    this.schedule();
  }

  /** Later, so that I/O comes in between, the answers to other calls first. */
  private schedule(): void {
    if (!this.isOpen || this.scheduled || this.ready.isEmpty) return;
    this.scheduled = setImmediate(() => {
      this.scheduled = undefined;
      this.runWaiting();
    });
  }

  private runWaiting(): void {
    while (this.isOpen && this.running < this.concurrency) {
      const task = this.ready.take();
      if (!task) return;
      this.running++;
      void this.run(task);
    }
  }

  private async run(task: Task): Promise<void> {
    await task.run();
    this.running--;
    if (task.lane !== undefined) this.follow(task.lane);
    this.schedule();
  }

  private follow(lane: string): void {
    const next = this.behind.get(lane)!.take();
    if (next) this.enqueue(next);
    else this.behind.delete(lane);
  }
}
