import { Injectable } from '@nestjs/common';
import { XeniooOptionsError } from '../xenioo.errors.js';

/** URLs of the webhooks and inspectors of an application. Each instance of a module needs its own. */
@Injectable()
export class XeniooUrls {
  private readonly owners = new Map<string, unknown>();
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
  claim(url: string, owner: unknown, module = 'XeniooModule'): void {
    const key = url.toLowerCase();
    const first = this.owners.get(key) ?? owner;
    this.owners.set(key, first);
    if (first === owner) return;
    const remedy =
      module === 'XeniooModule'
        ? ', or use one instance with both bots in `bots`'
        : '';
    throw new XeniooOptionsError([
      `two instances of ${module} have the URL ${url}: give each its own \`path\`${remedy}`,
    ]);
  }
}
