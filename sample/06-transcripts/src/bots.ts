import { Injectable } from '@nestjs/common';
import { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { XeniooBot } from 'nestjs-xenioo';
import { bot } from './schema.js';

/** The bots of the table `bot`. A row that is added serves at its first call, without a restart. */
@Injectable()
export class Bots {
  constructor(private readonly db: NodePgDatabase) {}

  async list(): Promise<XeniooBot[]> {
    const bots = await this.db.select().from(bot);
    if (bots.length > 0) return bots;
    await this.addFirst();
    return this.db.select().from(bot);
  }

  private async addFirst() {
    const secret = process.env.XENIOO_SECRET ?? 'transcripts-secret';
    const first = { name: 'support', token: 'support-token', secret };
    await this.db.insert(bot).values(first).onConflictDoNothing();
  }
}
