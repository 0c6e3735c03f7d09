import type { Redis } from 'ioredis';

/** How often to look how full it is. */
const LOOK_EVERY_MS = 250;

/**
 * What is left free. Without memory Redis refuses what workers need to take up
 * their next event: full to the brim, it would never become empty again.
 */
const LEAST_FREE_RATIO = 0.1;
const LEAST_FREE_BYTES = 4 * 2 ** 20;

/** What a job takes beside its data, about, and how much more its data takes there. */
const BYTES_A_JOB = 1_500;
const TIMES_DATA = 1.5;

/** Watches how much of `maxmemory` is used. */
export class RedisMemory {
  /** Whether it drops keys when it is full. */
  isEvicting = false;
  private most = 0;
  private used = 0;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly client: Redis) {
    this.timer = setInterval(() => {
      // Down: it will be looked at again.
      this.look().catch(() => {});
    }, LOOK_EVERY_MS).unref();
  }

  /** Whether so much more leaves enough for the workers; looked up where that is not sure. */
  async hasRoomFor(jobs: number, dataBytes: number): Promise<boolean> {
    const bytes = jobs * BYTES_A_JOB + dataBytes * TIMES_DATA;
    if (!this.fits(bytes)) await this.look();
    if (!this.fits(bytes)) return false;
    // What others add is seen at the next look.
    this.used += bytes;
    return true;
  }

  async look(): Promise<void> {
    const info = await allowedInfo(this.client, 'memory');
    this.most = Number(info.get('maxmemory') ?? 0);
    this.used = Number(info.get('used_memory') ?? 0);
    this.isEvicting = info.get('maxmemory_policy') !== 'noeviction';
  }

  end(): void {
    clearInterval(this.timer);
  }

  private fits(bytes: number): boolean {
    const free = Math.max(this.most * LEAST_FREE_RATIO, LEAST_FREE_BYTES);
    return this.most === 0 || this.used + bytes <= this.most - free;
  }
}

/** What INFO tells; nothing where this user may not ask. */
export async function allowedInfo(
  client: Redis,
  section: string,
): Promise<Map<string, string>> {
  try {
    return infoOf(await client.info(section));
  } catch (error) {
    if (!(error as Error).message.startsWith('NOPERM')) throw error;
    return new Map();
  }
}

/** The fields of what the command INFO answers. */
export function infoOf(text: string): Map<string, string> {
  const fields = text
    .split('\r\n')
    .filter(line => line.includes(':'))
    .map((line): [string, string] => {
      const place = line.indexOf(':');
      return [line.slice(0, place), line.slice(place + 1)];
    });
  return new Map(fields);
}
