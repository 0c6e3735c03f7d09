import { Injectable } from '@nestjs/common';
import { XeniooOptionsError } from '../xenioo.errors.js';

/** The URLs of an application's webhooks, so that no two instances share one. */
@Injectable()
export class XeniooUrls {
  private readonly owners = new Map<string, symbol>();

  /** @throws {XeniooOptionsError} where another instance has it */
  claim(url: string, route: symbol): void {
    const key = url.toLowerCase();
    const owner = this.owners.get(key) ?? route;
    this.owners.set(key, owner);
    if (owner === route) return;
    throw new XeniooOptionsError([
      `two instances of XeniooModule receive at ${url}: give each a \`path\` of its own, or one instance both bots by \`bots\``,
    ]);
  }
}
