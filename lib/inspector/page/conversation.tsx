import { useEffect } from 'preact/hooks';
import type { InspectedEvent } from './contract';
import { act } from './dialogs';
import { EraseButton, pathOf, titleOf } from './entry';
import { Placeholder, Time, Unloaded } from './parts';
import { Summary } from './results';
import { areEventsLoaded, events, hide, reveal, revealed } from './store';

const SPEAKERS: Readonly<Record<string, string>> = {
  'user-message': 'user',
  'unmatched-message': 'user',
  'bot-message': 'bot',
};

/** Events of a conversation, in their order. */
export function Conversation({ id }: { readonly id: string }) {
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
    if (hidden.length === 0) return hide(paths);
    await act('Not all texts were revealed', async () => {
      for (const path of hidden) await reveal(path);
    });
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
        {turns.length === 0 ? (
          <NoTurns />
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

function NoTurns() {
  if (!areEventsLoaded.value) return <Unloaded />;
  return (
    <Placeholder title="No events of this conversation">
      <p>The inspector keeps the latest events of this process only.</p>
    </Placeholder>
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
