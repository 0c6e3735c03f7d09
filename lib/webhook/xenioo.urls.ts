import { Injectable } from '@nestjs/common';
import { XeniooOptionsError } from '../xenioo.errors.js';

/** URLs of the webhooks of an application. Each instance of the module needs its own. */
@Injectable()
export class XeniooUrls {
  private readonly owners = new Map<string, symbol>();
  private readonly botNames = new Map<string, () => string[]>();

  /** URLs of the webhooks, once the application has started. */
  get all(): string[] {
    return [...this.botNames.keys()];
  }

  /** Names of the bots of all webhooks. */
  get bots(): string[] {
    const names = [...this.botNames.values()].flatMap(namesOf => namesOf());
    return [...new Set(names)];
  }

  /** Adds the final URL of an instance, and a function that returns the names of its bots. */
  add(url: string, botNames: () => string[]): void {
    this.botNames.set(url, botNames);
  }

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
