import { post } from './api';
import type { InspectedEntry, InspectedEvent } from './contract';
import { act, confirm, notify } from './dialogs';
import {
  formatChannel,
  formatName,
  formatNumberOf,
  formatWords,
} from './format';
import { Fact, Time } from './parts';
import { conversationUrl } from './route';
import { hide, reloadEvents, reveal, revealed, state } from './store';

/** Fields of an entry. */
export function EntryFacts({ entry }: { readonly entry: InspectedEntry }) {
  const { bot, channel, conversationId, date, receivedAt, id } = entry;
  return (
    <>
      <Fact name="Bot">{bot}</Fact>
      {channel && <Fact name="Channel">{formatChannel(channel)}</Fact>}
      {conversationId && <Fact name="Conversation">{conversationId}</Fact>}
      {date && (
        <Fact name="Date">
          <Time at={date} />
        </Fact>
      )}
      <Fact name="Received">
        <Time at={receivedAt} />
      </Fact>
      <Fact name="Id">
        <code>{id}</code>
      </Fact>
    </>
  );
}

/** Title of an entry. */
export const titleOf = ({ kind, typeName, reason }: InspectedEntry): string =>
  kind === 'invalid'
    ? `Invalid: ${formatWords((reason ?? 'entry').replace(/^invalid-/, ''))}`
    : formatName(typeName);

/** Reasons why an entry is invalid. */
export function EntryErrors({ entry }: { readonly entry: InspectedEntry }) {
  if (!entry.errors?.length) return null;
  return (
    <section>
      <h3>Errors</h3>
      <ul>
        {entry.errors.map(error => (
          <li key={error}>{error}</li>
        ))}
      </ul>
    </section>
  );
}

/** Text of a person and the entry as received, hidden until the reader reveals them. */
export function EntryContents({
  path,
  entry,
}: {
  /** Path of the contents in the API. */
  readonly path: string;
  readonly entry: InspectedEntry;
}) {
  const contents = revealed.value.get(path);
  const text = contents?.text ?? entry.text;
  const toggle = () => {
    if (contents) hide([path]);
    else void act('The contents were not revealed', () => reveal(path));
  };
  return (
    <section>
      <div class="section-title">
        <h3>Contents</h3>
        <button type="button" onClick={toggle}>
          {contents ? 'Hide' : 'Reveal'}
        </button>
      </div>
      {text !== undefined && <blockquote>{text}</blockquote>}
      {contents ? (
        <pre tabIndex={0} aria-label="Entry as received">
          {typeof contents.raw === 'string'
            ? contents.raw
            : JSON.stringify(contents.raw, undefined, 2)}
        </pre>
      ) : (
        <p class="muted">
          {entry.hasText && text === undefined
            ? 'The text and the entry as received are hidden.'
            : 'The entry as received is hidden.'}
        </p>
      )}
    </section>
  );
}

/** Shows or erases the conversation of an entry. */
export function ConversationActions({
  conversationId,
}: {
  readonly conversationId: string;
}) {
  return (
    <div class="actions">
      <a class="button" href={conversationUrl(conversationId)}>
        Show conversation
      </a>
      <EraseButton conversationId={conversationId} />
    </div>
  );
}

/** Button that erases a conversation. */
export function EraseButton({
  conversationId,
}: {
  readonly conversationId: string;
}) {
  if (state.value?.readOnly) return null;
  return (
    <button
      type="button"
      class="danger"
      onClick={() => void erase(conversationId)}
    >
      Erase conversation
    </button>
  );
}

async function erase(conversationId: string): Promise<void> {
  const isConfirmed = await confirm({
    title: 'Erase this conversation?',
    text: `All dead letters of the conversation ${conversationId} are removed. They can’t be replayed or restored.`,
    action: 'Erase',
  });
  if (!isConfirmed) return;
  await act('The conversation was not erased', async () => {
    const { removed } = await post<{ removed: number }>('dead-letters/erase', {
      conversationId,
    });
    await reloadEvents();
    notify(
      `Erased the conversation: ${formatNumberOf(removed, 'dead letter')} removed.`,
    );
  });
}

/** Path of an event's contents. The id distinguishes events of two processes behind one URL. */
export const pathOf = ({ seq, id }: InspectedEvent): string =>
  `text/${seq}?id=${encodeURIComponent(id)}`;
