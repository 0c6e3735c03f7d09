import type { Redis } from 'ioredis';

/** How often to look how full it is. */
const LOOK_EVERY_MS = 1_000;

/**
 * What is left free. Without memory Redis refuses what workers need to take up
 * their next event: full to the brim, it would never become empty again.
 */
const LEAST_FREE_RATIO = 0.1;
const LEAST_FREE_BYTES = 4 * 2 ** 20;

/** Watches how much of `maxmemory` is used. */
export class RedisMemory {
  isFull = false;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly client: Redis) {
    this.timer = setInterval(() => {
      // Down: it will be looked at again.
      this.look().catch(() => {});
    }, LOOK_EVERY_MS).unref();
  }

  async look(): Promise<void> {
    const info = infoOf(await this.client.info('memory'));
    const most = Number(info.get('maxmemory') ?? 0);
    const used = Number(info.get('used_memory') ?? 0);
    const free = Math.max(most * LEAST_FREE_RATIO, LEAST_FREE_BYTES);
    this.isFull = most > 0 && used > most - free;
  }

  end(): void {
    clearInterval(this.timer);
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
