import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, explain, post } from './api';
import type { Letter } from './contract';
import { act, Dialog } from './dialogs';
import { formatCount, formatNumberOf } from './format';
import {
  getPage,
  hasError,
  PAGE_SIZE,
  queryFields,
  type Filter,
} from './letter-filter';
import { lettersVersion } from './store';

/** Replays that run at once. */
const CONCURRENCY = 4;

interface Progress {
  readonly step: 'counting' | 'ready' | 'running' | 'ended';
  readonly total: number;
  readonly replayed: number;
  readonly failed: readonly { readonly id: string; readonly reason: string }[];
}

/** Replays the dead letters that fit the filter when it opens; each of them once. */
export function ReplayDialog({
  filter,
  onClose,
}: {
  readonly filter: Filter;
  readonly onClose: () => void;
}) {
  const [progress, setProgress] = useState<Progress>({
    step: 'counting',
    total: 0,
    replayed: 0,
    failed: [],
  });
  const ids = useRef<string[]>([]);
  const isStopped = useRef(false);
  const update = (change: (progress: Progress) => Partial<Progress>) =>
    setProgress(progress => ({ ...progress, ...change(progress) }));

  useEffect(() => {
    void act('The dead letters were not counted', async () => {
      let page: readonly Letter[] = [];
      do {
        page = await getPage(queryFields(filter), page.at(-1)?.id);
        if (isStopped.current) return;
        const fitting = page.filter(letter => hasError(letter, filter.error));
        ids.current.push(...fitting.map(({ id }) => id));
        update(() => ({ total: ids.current.length }));
      } while (page.length === PAGE_SIZE);
      update(() => ({ step: 'ready' }));
    });
    return () => (isStopped.current = true);
  }, []);

  const replayNext = async (): Promise<void> => {
    const id = isStopped.current ? undefined : ids.current.shift();
    if (id === undefined) return;
    try {
      await post('dead-letters/replay', { id });
      update(({ replayed }) => ({ replayed: replayed + 1 }));
    } catch (error) {
      const reason = explain(error);
      update(({ failed }) => ({ failed: [...failed, { id, reason }] }));
      const isAboutOne =
        error instanceof ApiError && ![401, 403, 429].includes(error.status);
      if (!isAboutOne) isStopped.current = true;
    }
    return replayNext();
  };
  const start = async () => {
    update(() => ({ step: 'running' }));
    await Promise.all(Array.from({ length: CONCURRENCY }, replayNext));
    lettersVersion.value++;
    update(() => ({ step: 'ended' }));
  };

  const { step, total, replayed, failed } = progress;
  const remaining = total - replayed - failed.length;
  const counted = formatNumberOf(total, 'dead letter');
  return (
    <Dialog title="Replay dead letters" onClose={onClose}>
      <p role="status">
        {step === 'counting' && `Counting: ${counted}…`}
        {step === 'ready' &&
          `${counted} fit${total === 1 ? 's' : ''} the filters. Replaying runs the handler of each again, and parses invalid entries again.`}
        {step === 'running' &&
          `Replayed ${formatCount(replayed)} of ${counted}.`}
        {step === 'ended' &&
          `Replayed ${formatCount(replayed)} of ${counted}.${remaining > 0 ? ` Stopped; remaining: ${formatCount(remaining)}.` : ''}`}
      </p>
      <progress
        aria-label="Replayed dead letters"
        max={Math.max(total, 1)}
        value={replayed + failed.length}
      />
      {failed.length > 0 && (
        <details open>
          <summary>
            {formatNumberOf(failed.length, 'dead letter')} could not be replayed
          </summary>
          <ul class="failures">
            {failed.slice(0, 100).map(({ id, reason }) => (
              <li key={id}>
                <code>{id}</code>: {reason}
              </li>
            ))}
          </ul>
        </details>
      )}
      <div class="actions end">
        {step === 'running' ? (
          <button type="button" onClick={() => (isStopped.current = true)}>
            Stop
          </button>
        ) : (
          <button type="button" onClick={onClose}>
            {step === 'ended' ? 'Close' : 'Cancel'}
          </button>
        )}
        {(step === 'ready' || step === 'counting') && (
          <button
            type="button"
            class="primary"
            disabled={step !== 'ready' || total === 0}
            onClick={() => void start()}
          >
            Replay
          </button>
        )}
      </div>
    </Dialog>
  );
}
