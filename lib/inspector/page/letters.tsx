import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import {
  ApiError,
  authorization,
  download,
  explain,
  get,
  post,
  queryOf,
} from './api';
import type { Letter, LetterFilter } from './contract';
import { Dialog, act, confirm, notify } from './dialogs';
import { formatCount, formatName, formatNumberOf } from './format';
import {
  Detail,
  EntryContents,
  EntryErrors,
  EntryFacts,
  EraseButton,
  Fact,
  Filters,
  Placeholder,
  Unloaded,
  Select,
  TextFilter,
  Time,
  titleOf,
} from './parts';
import { conversationUrl } from './route';
import { connection, lettersVersion, seen, state } from './store';
import { WindowedList } from './windowed-list';

const PAGE_SIZE = 100;

/** Upper bound of the dead letters that the page keeps. */
const MAX_LETTERS = 10_000;

/** Delay of a reload, so that many changes are one. */
const RELOAD_DELAY_MS = 500;

/** Replays that run at once. */
const CONCURRENCY = 4;

const KINDS: Readonly<Record<string, string>> = {
  event: 'Failed handlers',
  invalid: 'Invalid entries',
};

const NO_FILTER = {
  kind: '',
  handler: '',
  bot: '',
  conversationId: '',
  /** Part of the error's message, or of a reason why an entry is invalid. */
  error: '',
};

type Filter = typeof NO_FILTER;

/** List of dead letters: all, or those of invalid entries. */
export function Letters({ kind = '' }: { readonly kind?: '' | 'invalid' }) {
  const [filter, setFilter] = useState<Filter>({ ...NO_FILTER, kind });
  const [selectedId, setSelectedId] = useState<string>();
  const [isReplaying, setIsReplaying] = useState(false);
  const { letters, isComplete, problem, loadMore, reload } = useLetters(filter);
  const matching = useMemo(
    () => letters?.filter(letter => hasError(letter, filter.error)) ?? [],
    [letters, filter.error],
  );
  const letter = letters?.find(({ id }) => id === selectedId);
  const title = kind ? 'Invalid' : 'Dead letters';
  const noun = kind
    ? { one: 'invalid entry', several: 'invalid entries' }
    : { one: 'dead letter', several: 'dead letters' };
  return (
    <div class="list-view">
      <h1 class="hidden">{title}</h1>
      <LetterFilters kind={kind} filter={filter} onChange={setFilter} />
      <div class={`split ${letter ? 'has-detail' : ''}`}>
        <section class="panel list" aria-label={title}>
          <header class="bar">
            <span role="status">
              {letters &&
                `${formatCount(matching.length)}${isComplete ? '' : '+'} ${
                  matching.length === 1 ? noun.one : noun.several
                }`}
            </span>
            <ListActions
              filter={filter}
              isEmpty={matching.length === 0}
              onReplay={() => setIsReplaying(true)}
            />
          </header>
          {problem && connection.value.status === 'live' && (
            <p class="banner bad" role="alert">
              {problem}{' '}
              <button type="button" onClick={reload}>
                Try again
              </button>
            </p>
          )}
          {matching.length > 0 ? (
            <>
              <div class="row letter-row heads" aria-hidden="true">
                <span>Time</span>
                <span>{kind ? 'Reason' : 'Handler'}</span>
                <span>{kind ? 'Errors' : 'Error'}</span>
                <span>{kind ? '' : 'Conversation'}</span>
              </div>
              <WindowedList
                items={matching}
                keyOf={({ id }) => id}
                label="Dead letters, the oldest first"
                selected={selectedId}
                onSelect={({ id }) => setSelectedId(id)}
                onEnd={loadMore}
              >
                {letter => <LetterCells letter={letter} kind={kind} />}
              </WindowedList>
            </>
          ) : (
            !(problem && connection.value.status === 'live') && (
              <NoLetters
                isLoading={!letters || !isComplete}
                isFiltered={countOf(filter, kind) > 0}
                kind={kind}
              />
            )
          )}
        </section>
        {letter && (
          <LetterDetail
            key={letter.id}
            letter={letter}
            onClose={() => setSelectedId(undefined)}
          />
        )}
      </div>
      {isReplaying && (
        <ReplayDialog filter={filter} onClose={() => setIsReplaying(false)} />
      )}
    </div>
  );
}

const countOf = (filter: Filter, kind: string): number =>
  Object.values({ ...filter, kind: kind ? '' : filter.kind }).filter(Boolean)
    .length;

const errorsOf = ({ error, event }: Letter): readonly string[] =>
  event.errors ?? (error ? [error.message] : []);

const hasError = (letter: Letter, part: string): boolean =>
  !part ||
  [letter.event.reason ?? '', ...errorsOf(letter)].some(error =>
    error.toLowerCase().includes(part.toLowerCase()),
  );

/** Fields of a filter that the API knows. */
const queryFields = ({ error: _error, ...fields }: Filter): LetterFilter =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value));

/** Reads dead letters page by page, and again when they change. */
function useLetters(filter: Filter) {
  const [letters, setLetters] = useState<readonly Letter[]>();
  const [isComplete, setIsComplete] = useState(false);
  const [problem, setProblem] = useState('');
  const loading = useRef<symbol>(undefined);
  const fields = JSON.stringify(queryFields(filter));

  /** Adds pages to the letters, until there are `count` of them. */
  const load = async (
    found: readonly Letter[],
    count: number,
  ): Promise<void> => {
    const self = Symbol();
    loading.current = self;
    let letters = found;
    let isComplete = false;
    try {
      while (letters.length < count && !isComplete) {
        const page = await getPage(JSON.parse(fields), letters.at(-1)?.id);
        if (loading.current !== self) return;
        letters = [...letters, ...page];
        isComplete = page.length < PAGE_SIZE;
      }
      setLetters(letters);
      setIsComplete(isComplete);
      setProblem('');
    } catch (error) {
      if (loading.current !== self) return;
      const isRefused = error instanceof ApiError;
      // The last letter of the page before may be gone, and with it the place to go on.
      if (isRefused && error.status !== 401 && found.length > 0) {
        return load([], count);
      }
      setProblem(explain(error));
    }
    loading.current = undefined;
  };

  useEffect(() => {
    setLetters(undefined);
    void load([], PAGE_SIZE);
    return () => (loading.current = undefined);
  }, [fields]);

  const version = lettersVersion.value;
  const shownVersion = useRef(version);
  useEffect(() => {
    if (version === shownVersion.current) return undefined;
    const timer = setTimeout(() => {
      shownVersion.current = version;
      void load([], Math.max(letters?.length ?? 0, PAGE_SIZE));
    }, RELOAD_DELAY_MS);
    return () => clearTimeout(timer);
  }, [version, fields]);

  const loadMore = () => {
    if (!letters || isComplete || problem || loading.current) return;
    if (letters.length >= MAX_LETTERS) return;
    void load(letters, letters.length + PAGE_SIZE);
  };

  // The API does not search in errors: the page has to know all letters.
  useEffect(() => {
    if (filter.error) loadMore();
  }, [filter.error, letters]);

  return {
    letters,
    isComplete,
    problem,
    reload: () => void load([], PAGE_SIZE),
    loadMore,
  };
}

async function getPage(
  fields: LetterFilter,
  after: string | undefined,
): Promise<readonly Letter[]> {
  const { letters } = await get<{ letters: Letter[] }>('dead-letters', {
    ...fields,
    limit: PAGE_SIZE,
    after,
  });
  return letters;
}

function LetterFilters({
  kind,
  filter,
  onChange,
}: {
  readonly kind: string;
  readonly filter: Filter;
  readonly onChange: (filter: Filter) => void;
}) {
  const { bots, handlers } = seen.value;
  const set = (name: keyof Filter) => (value: string) =>
    onChange({ ...filter, [name]: value });
  return (
    <Filters
      count={countOf(filter, kind)}
      onClear={() => onChange({ ...NO_FILTER, kind })}
    >
      {!kind && (
        <>
          <Select
            label="Kind"
            value={filter.kind}
            options={Object.keys(KINDS)}
            format={option => KINDS[option]!}
            onChange={set('kind')}
          />
          <TextFilter
            label="Handler"
            value={filter.handler}
            suggestions={handlers}
            onChange={set('handler')}
          />
        </>
      )}
      <TextFilter
        label={kind ? 'Reason or error contains' : 'Error contains'}
        value={filter.error}
        isLive
        onChange={set('error')}
      />
      <Select
        label="Bot"
        value={filter.bot}
        options={state.value?.bots ?? bots}
        onChange={set('bot')}
      />
      {!kind && (
        <TextFilter
          label="Conversation"
          value={filter.conversationId}
          onChange={set('conversationId')}
        />
      )}
    </Filters>
  );
}

function ListActions({
  filter,
  isEmpty,
  onReplay,
}: {
  readonly filter: Filter;
  readonly isEmpty: boolean;
  readonly onReplay: () => void;
}) {
  const path = `dead-letters/export${queryOf({ ...queryFields(filter) })}`;
  const fileName = 'dead-letters.ndjson';
  return (
    <div class="actions">
      <a
        class="button quiet"
        href={`api/${path}`}
        download={fileName}
        title={
          filter.error ? 'Exports all that fit the other filters' : undefined
        }
        onClick={event => {
          if (!authorization.value) return;
          event.preventDefault();
          void act('The export failed', () => download(path, fileName));
        }}
      >
        Export
      </a>
      {!state.value?.readOnly && (
        <button type="button" disabled={isEmpty} onClick={onReplay}>
          Replay all…
        </button>
      )}
    </div>
  );
}

function NoLetters({
  isLoading,
  isFiltered,
  kind,
}: {
  readonly isLoading: boolean;
  readonly isFiltered: boolean;
  readonly kind: string;
}) {
  if (isLoading) return <Unloaded />;
  if (isFiltered)
    return <Placeholder title="No dead letter fits the filters" />;
  return kind ? (
    <Placeholder title="No invalid entries">
      <p>Entries that are no valid events are kept here with the reasons.</p>
    </Placeholder>
  ) : (
    <Placeholder title="No dead letters">
      <p>
        Handlers that failed their last attempt and invalid entries are kept
        here.
      </p>
    </Placeholder>
  );
}

/** Name of what failed. */
const subjectOf = ({ kind, handler, event }: Letter): string =>
  kind === 'invalid' ? titleOf(event) : (handler ?? 'All handlers');

function LetterCells({
  letter,
  kind,
}: {
  readonly letter: Letter;
  /** Kind of all letters of the list, if they are of one. */
  readonly kind: string;
}) {
  const { deadLetteredAt, event } = letter;
  return (
    <span class="cells letter-row">
      <span class="cell-time">
        <Time at={deadLetteredAt} />
      </span>
      <span class="cell-subject">
        {kind ? formatName(event.reason ?? 'entry') : subjectOf(letter)}
      </span>
      <span class="cell-error">{errorsOf(letter).join('; ')}</span>
      <span class="cell-conversation">{event.conversationId}</span>
    </span>
  );
}

function LetterDetail({
  letter,
  onClose,
}: {
  readonly letter: Letter;
  readonly onClose: () => void;
}) {
  const { id, kind, attempts, error, deadLetteredAt, event } = letter;
  const { conversationId } = event;
  return (
    <Detail title={subjectOf(letter)} onClose={onClose}>
      {!state.value?.readOnly && (
        <LetterActions letter={letter} onDone={onClose} />
      )}
      {kind === 'event' && (
        <section>
          <h3>Error</h3>
          <p class="error">{error?.message ?? 'None was stored.'}</p>
          {error?.stack && (
            <pre tabIndex={0} aria-label="Stack">
              {error.stack}
            </pre>
          )}
        </section>
      )}
      <EntryErrors entry={event} />
      <dl>
        {kind === 'event' && <Fact name="Event">{titleOf(event)}</Fact>}
        {attempts !== undefined && (
          <Fact name="Attempts">{formatCount(attempts)}</Fact>
        )}
        {kind === 'event' && (
          <Fact name="Failed">
            <Time at={deadLetteredAt} />
          </Fact>
        )}
        <EntryFacts entry={event} />
      </dl>
      <EntryContents
        path={`dead-letters/raw${queryOf({ id })}`}
        entry={event}
      />
      {conversationId && (
        <div class="actions">
          <a class="button" href={conversationUrl(conversationId)}>
            Show conversation
          </a>
          <EraseButton conversationId={conversationId} />
        </div>
      )}
    </Detail>
  );
}

function LetterActions({
  letter: { id, kind },
  onDone,
}: {
  readonly letter: Letter;
  readonly onDone: () => void;
}) {
  const [isBusy, setIsBusy] = useState(false);
  const run = async (failure: string, action: () => Promise<void>) => {
    setIsBusy(true);
    await act(failure, async () => {
      await action();
      lettersVersion.value++;
      onDone();
    });
    setIsBusy(false);
  };
  const replay = async () => {
    await post('dead-letters/replay', { id });
    notify(
      kind === 'invalid'
        ? 'The entry is parsed again.'
        : 'The event is handled again.',
    );
  };
  const remove = async () => {
    const isConfirmed = await confirm({
      title: 'Remove this dead letter?',
      text: 'It can’t be replayed or restored.',
      action: 'Remove',
    });
    if (!isConfirmed) return;
    await run('The dead letter was not removed', async () => {
      await post('dead-letters/remove', { id });
      notify('Removed the dead letter.');
    });
  };
  return (
    <div class="actions">
      <button
        type="button"
        class="primary"
        disabled={isBusy}
        onClick={() => void run('The dead letter was not replayed', replay)}
      >
        Replay
      </button>
      <button
        type="button"
        class="danger"
        disabled={isBusy}
        onClick={() => void remove()}
      >
        Remove
      </button>
    </div>
  );
}

interface Progress {
  readonly step: 'counting' | 'ready' | 'running' | 'ended';
  readonly total: number;
  readonly replayed: number;
  readonly failed: readonly { readonly id: string; readonly reason: string }[];
}

/** Replays the dead letters that fit the filter when it opens; each of them once. */
function ReplayDialog({
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
          `Replayed ${formatCount(replayed)} of ${counted}.${remaining > 0 ? ` Stopped: ${formatCount(remaining)} remain.` : ''}`}
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
