import { computed, signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { explain } from './api';
import type { InspectedEvent, ResultStatus } from './contract';
import {
  formatChannel,
  formatCount,
  formatMs,
  formatName,
  formatNumberOf,
} from './format';
import {
  Detail,
  EntryContents,
  EntryErrors,
  EntryFacts,
  EraseButton,
  Filters,
  Placeholder,
  Unloaded,
  Select,
  Status,
  TextFilter,
  Time,
  titleOf,
} from './parts';
import { conversationUrl, route } from './route';
import {
  areEventsLoaded,
  events,
  hide,
  reveal,
  revealed,
  seen,
  skipped,
} from './store';
import { WindowedList } from './windowed-list';

const NO_FILTER = {
  type: '',
  bot: '',
  channel: '',
  conversation: '',
  handler: '',
  result: '',
};

const RESULTS = ['running', 'done', 'retry', 'failed', 'none'];

const filter = signal(NO_FILTER);
const selected = signal<number>();

/** Events that the list does not show yet, because the reader stopped it. */
const stoppedAt = signal<readonly InspectedEvent[]>();

const listed = computed(() => stoppedAt.value ?? events.value);

/** Events that fit the filter, the newest first. */
const matching = computed(() => {
  const { value } = filter;
  return listed.value.filter(event => matches(event, value)).toReversed();
});

function matches(
  { typeName, bot, channel, conversationId, results }: InspectedEvent,
  filter: typeof NO_FILTER,
): boolean {
  return (
    (!filter.type || filter.type === typeName) &&
    (!filter.bot || filter.bot === bot) &&
    (!filter.channel || filter.channel === channel) &&
    (!filter.conversation ||
      conversationId?.includes(filter.conversation) === true) &&
    hasResult(results, filter.handler, filter.result)
  );
}

function hasResult(
  results: InspectedEvent['results'],
  handler: string,
  status: string,
): boolean {
  if (!handler && !status) return true;
  if (status === 'none') {
    return !results.some(result => !handler || result.handler === handler);
  }
  return results.some(
    result =>
      (!handler || result.handler === handler) &&
      (!status || result.status === status),
  );
}

const isSelected = ({ seq }: InspectedEvent): boolean => seq === selected.value;

export function Live() {
  const { conversationId } = route.value;
  if (conversationId) return <Conversation id={conversationId} />;
  const event = events.value.find(isSelected) ?? listed.value.find(isSelected);
  return (
    <div class="list-view">
      <h1 class="hidden">Live</h1>
      <LiveFilters />
      <div class={`split ${event ? 'has-detail' : ''}`}>
        <section class="panel list" aria-label="Events">
          <ListBar />
          <EventList />
        </section>
        {event && <EventDetail event={event} />}
      </div>
    </div>
  );
}

function LiveFilters() {
  const { types, bots, channels, handlers } = seen.value;
  const { value } = filter;
  const set = (name: keyof typeof NO_FILTER) => (chosen: string) =>
    (filter.value = { ...filter.value, [name]: chosen });
  return (
    <Filters
      count={Object.values(value).filter(Boolean).length}
      onClear={() => (filter.value = NO_FILTER)}
    >
      <Select
        label="Type"
        value={value.type}
        options={types}
        format={formatName}
        onChange={set('type')}
      />
      <Select
        label="Bot"
        value={value.bot}
        options={bots}
        onChange={set('bot')}
      />
      <Select
        label="Channel"
        value={value.channel}
        options={channels}
        format={formatChannel}
        onChange={set('channel')}
      />
      <TextFilter
        label="Conversation"
        value={value.conversation}
        isLive
        onChange={set('conversation')}
      />
      <Select
        label="Handler"
        value={value.handler}
        options={handlers}
        onChange={set('handler')}
      />
      <Select
        label="Result"
        value={value.result}
        options={RESULTS}
        format={formatName}
        onChange={set('result')}
      />
    </Filters>
  );
}

function ListBar() {
  const shown = matching.value.length;
  const all = listed.value.length;
  const waiting = stoppedAt.value
    ? events.value.filter(
        ({ seq }) => seq > (stoppedAt.value!.at(-1)?.seq ?? 0),
      ).length
    : 0;
  return (
    <header class="bar">
      <span role="status">
        {shown === all
          ? formatNumberOf(all, 'event')
          : `${formatCount(shown)} of ${formatNumberOf(all, 'event')}`}
        {skipped.value > 0 &&
          `, ${formatNumberOf(skipped.value, 'update')} skipped because this browser was too slow`}
      </span>
      <button
        type="button"
        class="quiet"
        onClick={() =>
          (stoppedAt.value = stoppedAt.value ? undefined : events.value)
        }
      >
        {stoppedAt.value
          ? `Resume updates${waiting > 0 ? ` (${formatCount(waiting)} new)` : ''}`
          : 'Stop updates'}
      </button>
    </header>
  );
}

function EventList() {
  if (matching.value.length === 0) return <NoEvents />;
  return (
    <>
      <div class="row live-row heads" aria-hidden="true">
        <span>Received</span>
        <span>Type</span>
        <span>Bot</span>
        <span>Channel</span>
        <span>Conversation</span>
        <span>Results</span>
      </div>
      <WindowedList
        items={matching.value}
        keyOf={({ seq }) => String(seq)}
        label="Events, the newest first"
        selected={
          selected.value === undefined ? undefined : String(selected.value)
        }
        onSelect={({ seq }) => (selected.value = seq)}
      >
        {event => <EventCells event={event} />}
      </WindowedList>
    </>
  );
}

function NoEvents() {
  if (events.value.length > 0) {
    return (
      <Placeholder title="No event fits the filters">
        <button type="button" onClick={() => (filter.value = NO_FILTER)}>
          Clear filters
        </button>
      </Placeholder>
    );
  }
  if (!areEventsLoaded.value) return <Unloaded />;
  return (
    <Placeholder title="No events yet">
      <p>Events appear here when this process receives them.</p>
    </Placeholder>
  );
}

function EventCells({ event }: { readonly event: InspectedEvent }) {
  const { receivedAt, bot, channel, conversationId, results, text } = event;
  return (
    <span class="cells live-row">
      <span class="cell-time">
        <Time at={receivedAt} />
      </span>
      <span class="cell-type">
        {titleOf(event)}
        {text !== undefined && <span class="muted"> {text}</span>}
      </span>
      <span class="cell-bot">{bot}</span>
      <span class="cell-channel">{channel && formatChannel(channel)}</span>
      <span class="cell-conversation">{conversationId}</span>
      <span class="cell-results">
        <Summary results={results} />
      </span>
    </span>
  );
}

/** Results of all handlers: the single one, or the number of each status. */
function Summary({ results }: Pick<InspectedEvent, 'results'>) {
  if (results.length === 0) return <span class="muted">No handler</span>;
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
  const statuses: readonly ResultStatus[] = [
    'failed',
    'retry',
    'running',
    'done',
  ];
  return (
    <>
      {statuses.map(status => {
        const count = results.filter(result => result.status === status).length;
        if (count === 0) return null;
        return (
          <span key={status} class="counted">
            {count} <Status of={status} />
          </span>
        );
      })}
    </>
  );
}

function EventDetail({ event }: { readonly event: InspectedEvent }) {
  const { conversationId, seq, id } = event;
  return (
    <Detail title={titleOf(event)} onClose={() => (selected.value = undefined)}>
      <dl>
        <EntryFacts entry={event} />
      </dl>
      <Results results={event.results} />
      <EntryErrors entry={event} />
      <EntryContents key={seq} path={pathOf({ seq, id })} entry={event} />
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

/** Path of an event's contents. The id tells apart events of two processes behind one URL. */
const pathOf = ({ seq, id }: Pick<InspectedEvent, 'seq' | 'id'>): string =>
  `text/${seq}?id=${encodeURIComponent(id)}`;

function Results({ results }: Pick<InspectedEvent, 'results'>) {
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

const SPEAKERS: Readonly<Record<string, string>> = {
  'user-message': 'user',
  'unmatched-message': 'user',
  'bot-message': 'bot',
};

/** Events of a conversation, in their order. */
function Conversation({ id }: { readonly id: string }) {
  const [problem, setProblem] = useState('');
  const turns = events.value
    .filter(({ conversationId }) => conversationId === id)
    .toSorted(
      (one, other) => timeOf(one) - timeOf(other) || one.seq - other.seq,
    );
  const paths = turns
    .filter(({ hasText, text }) => hasText && text === undefined)
    .map(pathOf);
  const hidden = paths.filter(path => !revealed.value.has(path));
  const toggle = async () => {
    setProblem('');
    if (hidden.length === 0) return hide(paths);
    try {
      for (const path of hidden) await reveal(path);
    } catch (error) {
      setProblem(explain(error));
    }
  };
  useEffect(() => scrollTo({ top: 0 }), [id]);
  return (
    <div class="conversation">
      <a href="#live">Back to all events</a>
      <section class="panel">
        <header class="section-title">
          <h1>
            Conversation <span class="id">{id}</span>
          </h1>
          <div class="actions">
            {paths.length > 0 && (
              <button type="button" onClick={() => void toggle()}>
                {hidden.length > 0 ? 'Reveal texts' : 'Hide texts'}
              </button>
            )}
            <EraseButton conversationId={id} />
          </div>
        </header>
        {problem && (
          <p class="bad-text" role="alert">
            {problem}
          </p>
        )}
        {turns.length === 0 ? (
          <Placeholder
            title={
              areEventsLoaded.value
                ? 'No events of this conversation'
                : 'Loading…'
            }
          >
            {areEventsLoaded.value && (
              <p>The inspector keeps the latest events of this process only.</p>
            )}
          </Placeholder>
        ) : (
          <ol class="dialogue">
            {turns.map(event => (
              <Turn key={event.seq} event={event} />
            ))}
          </ol>
        )}
      </section>
    </div>
  );
}

const timeOf = ({ date, receivedAt }: InspectedEvent): number =>
  Date.parse(date ?? receivedAt);

function Turn({ event }: { readonly event: InspectedEvent }) {
  const text = revealed.value.get(pathOf(event))?.text ?? event.text;
  const speaker = SPEAKERS[event.typeName] ?? 'note';
  return (
    <li class={`turn ${speaker}`}>
      <div class="turn-title">
        <b>{titleOf(event)}</b> <Time at={event.date ?? event.receivedAt} />
      </div>
      {event.hasText &&
        (text === undefined ? (
          <p class="muted">Text hidden</p>
        ) : (
          <p class="said">{text}</p>
        ))}
      <div class="turn-results">
        <Summary results={event.results} />
      </div>
    </li>
  );
}
