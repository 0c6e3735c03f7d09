import { useMemo, useState } from 'preact/hooks';
import { authorization, download, queryOf } from './api';
import type { Letter } from './contract';
import { act } from './dialogs';
import { Filters, Select, TextFilter } from './filters';
import { formatCount, formatName } from './format';
import { LetterDetail, subjectOf } from './letter-detail';
import {
  countOf,
  errorsOf,
  hasError,
  NO_FILTER,
  queryFields,
  type Filter,
} from './letter-filter';
import { Placeholder, Scope, Time, Unloaded } from './parts';
import { ReplayDialog } from './replay-dialog';
import { connection, seen, state } from './store';
import { useLetters } from './use-letters';
import { WindowedList } from './windowed-list';

const KINDS: Readonly<Record<string, string>> = {
  event: 'Failed handlers',
  invalid: 'Invalid entries',
};

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
  const shownProblem = connection.value.status === 'live' && problem;
  const title = kind ? 'Invalid' : 'Dead letters';
  const nouns = kind
    ? ['invalid entry', 'invalid entries']
    : ['dead letter', 'dead letters'];
  return (
    <div class="list-view">
      <h1 class="hidden">{title}</h1>
      <LetterFilters kind={kind} filter={filter} onChange={setFilter} />
      <div class={`split ${letter ? 'has-detail' : ''}`}>
        <section class="panel list" aria-label={title}>
          <header class="bar">
            <div>
              <span role="status">
                {letters &&
                  `${formatCount(matching.length)}${isComplete ? '' : '+'} ${
                    nouns[matching.length === 1 && isComplete ? 0 : 1]
                  }`}
              </span>{' '}
              <Scope of="All processes" />
            </div>
            <ListActions
              filter={filter}
              isEmpty={matching.length === 0}
              onReplay={() => setIsReplaying(true)}
            />
          </header>
          {shownProblem && (
            <p class="banner bad" role="alert">
              {shownProblem}{' '}
              <button type="button" onClick={reload}>
                Try again
              </button>
            </p>
          )}
          {matching.length > 0 ? (
            <>
              <div class={`row letter-row heads ${kind}`} aria-hidden="true">
                <span>Time</span>
                <span>{kind ? 'Reason' : 'Handler'}</span>
                <span>{kind ? 'Errors' : 'Error'}</span>
                {!kind && <span>Conversation</span>}
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
            !shownProblem && (
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
  const path = `dead-letters/export${queryOf(queryFields(filter))}`;
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

function LetterCells({
  letter,
  kind,
}: {
  readonly letter: Letter;
  /** Kind of the letters in the list; empty for all kinds. */
  readonly kind: string;
}) {
  const { deadLetteredAt, event } = letter;
  return (
    <span class={`cells letter-row ${kind}`}>
      <span class="cell-time">
        <Time at={deadLetteredAt} />
      </span>
      <span class="cell-subject">
        {kind ? formatName(event.reason ?? 'entry') : subjectOf(letter)}
      </span>
      <span class="cell-error">{errorsOf(letter).join('; ')}</span>
      {!kind && <span class="cell-conversation">{event.conversationId}</span>}
    </span>
  );
}
