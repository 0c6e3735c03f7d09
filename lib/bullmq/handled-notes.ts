import {
  NOTHING_DONE,
  type XeniooProgress,
} from '../handlers/xenioo.dispatch.js';
import { inState, type JobState, type XeniooJob } from './stored-job.js';

/** Notes in the job which handlers are done while others still run. */
export class HandledNotes {
  private readonly done: string[];
  private writing: Promise<void> | undefined;
  private isStale = false;
  private hasEnded = false;

  constructor(
    private readonly job: XeniooJob,
    private readonly state: JobState,
  ) {
    this.done = [...(state.progress?.done ?? [])];
  }

  add(handler: string): void {
    // A retry runs few handlers: their end is written soon.
    if (this.state.progress?.attempted) return;
    this.done.push(handler);
    this.isStale = true;
    this.writing ??= this.write();
  }

  /** Resolves when nothing is being written any more, so that what follows is not overwritten. */
  async end(): Promise<void> {
    this.hasEnded = true;
    await this.writing;
  }

  private async write(): Promise<void> {
    while (this.isStale && !this.hasEnded) {
      this.isStale = false;
      const progress: XeniooProgress = {
        ...NOTHING_DONE,
        done: [...this.done],
      };
      // Should it fail, the end of the attempt is what is written next.
      await this.job
        .updateData(inState(this.job, { ...this.state, progress }))
        .catch(() => {});
    }
    this.writing = undefined;
  }
}
