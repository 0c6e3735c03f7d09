import { computed, signal } from '@preact/signals';
import type { InspectedEvent } from './contract';
import { Conversation } from './conversation';
import {
  ConversationActions,
  EntryContents,
  EntryErrors,
  EntryFacts,
  pathOf,
  titleOf,
} from './entry';
import { Filters, Select, TextFilter } from './filters';
import {
  formatChannel,
  formatCount,
  formatName,
  formatNumberOf,
} from './format';
import { Detail, Placeholder, Scope, Time, Unloaded } from './parts';
import { Results, Summary } from './results';
import { route } from './route';
import { areEventsLoaded, events, seen, skipped } from './store';
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
  const chosen = results.filter(
    result => !handler || result.handler === handler,
  );
  return status === 'none'
    ? chosen.length === 0
    : chosen.some(result => !status || result.status === status);
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
      <div>
        <span role="status">
          {shown === all
            ? formatNumberOf(all, 'event')
            : `${formatCount(shown)} of ${formatNumberOf(all, 'event')}`}
          {skipped.value > 0 &&
            `, ${formatNumberOf(skipped.value, 'update')} skipped because this browser was too slow`}
        </span>{' '}
        <Scope of="This process" />
      </div>
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

function EventDetail({ event }: { readonly event: InspectedEvent }) {
  const { conversationId, seq } = event;
  return (
    <Detail title={titleOf(event)} onClose={() => (selected.value = undefined)}>
      <dl>
        <EntryFacts entry={event} />
      </dl>
      <Results results={event.results} />
      <EntryErrors entry={event} />
      <EntryContents key={seq} path={pathOf(event)} entry={event} />
      {conversationId && (
        <ConversationActions conversationId={conversationId} />
      )}
    </Detail>
  );
}
