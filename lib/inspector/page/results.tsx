import type { InspectedEvent, ResultStatus } from './contract';
import { formatMs } from './format';

const STATUS_TITLES: Readonly<Record<ResultStatus, string>> = {
  running: 'running',
  done: 'done',
  retry: 'to be retried',
  failed: 'failed',
};

/** Statuses in the order of a summary. */
const STATUSES = ['failed', 'retry', 'running', 'done'] as const;

function Status({ of }: { readonly of: ResultStatus }) {
  return <span class={`status ${of}`}>{STATUS_TITLES[of]}</span>;
}

/** Results of all handlers: the single one, or the number of each status. */
export function Summary({ results }: Pick<InspectedEvent, 'results'>) {
  if (results.length === 0) return <span class="muted">No result</span>;
  if (results.length === 1) {
    const { status, durationMs } = results[0]!;
    return (
      <>
        <Status of={status} />
        {durationMs !== undefined && (
          <span class="muted">{formatMs(durationMs)}</span>
        )}
      </>
    );
  }
  return (
    <>
      {STATUSES.map(status => {
        const count = results.filter(result => result.status === status).length;
        if (count === 0) return null;
        return (
          <span key={status}>
            {count} <Status of={status} />
          </span>
        );
      })}
    </>
  );
}

export function Results({ results }: Pick<InspectedEvent, 'results'>) {
  return (
    <section>
      <h3>Handlers</h3>
      {results.length === 0 && (
        <p class="muted">No handler of this process has run for it.</p>
      )}
      <ul class="results">
        {results.map(({ handler, status, attempt, durationMs, error }) => (
          <li key={handler}>
            <span class="handler">{handler}</span>
            <Status of={status} />
            <span class="muted">
              attempt {attempt}
              {durationMs !== undefined && `, ${formatMs(durationMs)}`}
            </span>
            {error && <span class="error">{error}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
