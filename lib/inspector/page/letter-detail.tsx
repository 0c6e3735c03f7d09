import { useState } from 'preact/hooks';
import { post, queryOf } from './api';
import type { Letter } from './contract';
import { act, confirm, notify } from './dialogs';
import {
  ConversationActions,
  EntryContents,
  EntryErrors,
  EntryFacts,
  titleOf,
} from './entry';
import { formatCount } from './format';
import { Detail, Fact, Time } from './parts';
import { lettersVersion, state } from './store';

/** Name of what failed. */
export const subjectOf = ({ kind, handler, event }: Letter): string =>
  kind === 'invalid' ? titleOf(event) : (handler ?? 'All handlers');

export function LetterDetail({
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
        <ConversationActions conversationId={conversationId} />
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
