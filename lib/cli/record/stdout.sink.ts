import type { Terminal } from '../terminal.js';
import type { RecordSink } from './record.sink.js';

/**
 * Lines to stdout. After one that can't be written none is, since it would stand
 * behind a part of that one.
 *
 * @param onBroken called then
 */
export function createStdoutSink(
  terminal: Terminal,
  onBroken: () => void,
): RecordSink {
  let broken: { readonly error: unknown } | undefined;
  return {
    async append(line) {
      if (broken) throw broken.error;
      try {
        await terminal.flush(line);
      } catch (error) {
        broken ??= { error };
        onBroken();
        throw error;
      }
    },
    async close() {},
  };
}
