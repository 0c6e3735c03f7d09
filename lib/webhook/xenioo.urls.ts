import { Injectable } from '@nestjs/common';
import { XeniooOptionsError } from '../xenioo.errors.js';

/** The URLs of an application's webhooks: two instances of the module can't share one. */
@Injectable()
export class XeniooUrls {
  private readonly owners = new Map<string, symbol>();

  /** @throws {XeniooOptionsError} when another instance has claimed the URL */
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
