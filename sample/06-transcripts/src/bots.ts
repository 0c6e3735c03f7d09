import { Injectable } from '@nestjs/common';
import { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { XeniooBot } from 'nestjs-xenioo';
import { causeOf } from './query-errors.js';
import { bot } from './schema.js';

const DEFAULT_SECRET = 'transcripts-secret';

/** The bots of the table `bot`. A row that is added serves at its first call, without a restart. */
@Injectable()
export class Bots {
  constructor(private readonly db: NodePgDatabase) {}

  async list(): Promise<XeniooBot[]> {
    try {
      const bots = await this.db.select().from(bot);
      if (bots.length > 0) return bots;
      await this.addFirst();
      return await this.db.select().from(bot);
    } catch (error) {
      throw causeOf(error);
    }
  }

  /** Returns a secret for a command: the default one, or the variable of any other, which is not printed. */
  async printableSecret(): Promise<string> {
    const bots = await this.list();
    return bots.some(({ secret }) => secret === DEFAULT_SECRET)
      ? DEFAULT_SECRET
      : '"$XENIOO_SECRET"';
  }

  private async addFirst() {
    const secret = process.env.XENIOO_SECRET || DEFAULT_SECRET;
    const first = { name: 'support', token: 'support-token', secret };
    await this.db.insert(bot).values(first).onConflictDoNothing();
  }
}
