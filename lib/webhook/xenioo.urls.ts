import { Injectable } from '@nestjs/common';
import { XeniooOptionsError } from '../xenioo.errors.js';

/** URLs of the webhooks of an application. Each instance of the module needs its own. */
@Injectable()
export class XeniooUrls {
  private readonly owners = new Map<string, symbol>();

  /** @throws {XeniooOptionsError} if another instance has claimed the URL */
  claim(url: string, route: symbol): void {
    const key = url.toLowerCase();
    const owner = this.owners.get(key) ?? route;
    this.owners.set(key, owner);
    if (owner === route) return;
    throw new XeniooOptionsError([
      `two instances of XeniooModule have the URL ${url}: give each its own \`path\`, or use one instance with both bots in \`bots\``,
    ]);
  }
}
