import { createHmac, randomBytes } from 'node:crypto';
import { entryTexts } from '../../events/entry-texts.js';
import { maskSecret } from '../mask-secret.js';
import { maskEntry, type MaskSettings } from './mask-entry.js';
import { maskWords } from './mask-words.js';

/** Takes people's words out of the calls of one recording. */
export class CallMask {
  private readonly settings: MaskSettings;

  /**
   * @param secret is taken out where it stands in a field that stays
   * @param key of the pseudonyms; without one, nobody has it when the process ends
   */
  constructor(secret: string, key: Buffer = randomBytes(32)) {
    this.settings = {
      withoutSecret: text => maskSecret(text, secret),
      pseudonymOf: id => {
        const digest = createHmac('sha256', key).update(id).digest('hex');
        return `conversation-${digest.slice(0, 24)}`;
      },
    };
  }

  /** A body that is JSON: an entry, an array of them, or anything else. */
  json(text: string): string {
    if (!text.trimStart().startsWith('[')) {
      return maskEntry(text, this.settings);
    }
    const entries = entryTexts(text);
    return `[${entries.map(entry => maskEntry(entry, this.settings)).join(',')}]`;
  }

  /** A body that is not. */
  text(text: string): string {
    return maskWords(text);
  }
}
