import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { NARROW } from './narrow';
import { act, notify, confirm } from './dialogs';
import { explain, post } from './api';
import type { InspectedEntry, ResultStatus } from './contract';
import {
  formatAge,
  formatChannel,
  formatDateTime,
  formatName,
  formatNumberOf,
  formatShortly,
} from './format';
import {
  connection,
  hide,
  now,
  reloadEvents,
  reveal,
  revealed,
  state,
} from './store';

/** Time, in words that a pointer explains. */
export function Time({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={formatDateTime(at)}>
      {formatShortly(at)}
    </time>
  );
}

/** Time since, which is updated each second. */
export function Age({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={formatDateTime(at)}>
      {formatAge(at, now.value)}
    </time>
  );
}

const STATUS_TITLES: Readonly<Record<ResultStatus, string>> = {
  running: 'running',
  done: 'done',
  retry: 'to be retried',
  failed: 'failed',
};

export function Status({ of }: { readonly of: ResultStatus }) {
  return <span class={`status ${of}`}>{STATUS_TITLES[of]}</span>;
}

/** Text in place of a list that has no rows. */
export function Placeholder({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="placeholder">
      <p class="placeholder-title">{title}</p>
      {children}
    </div>
  );
}

/** Text in place of what has not been read. */
export function Unloaded() {
  const { status } = connection.value;
  const isExpected = status === 'connecting' || status === 'live';
  return <Placeholder title={isExpected ? 'Loading…' : 'Not loaded'} />;
}

export function Select({
  label,
  value,
  options,
  onChange,
  all = 'All',
  format = option => option,
}: {
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly onChange: (value: string) => void;
  readonly all?: string;
  readonly format?: (option: string) => string;
}) {
  const id = useId();
  const shown =
    value && !options.includes(value) ? [value, ...options] : options;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        onChange={event => onChange(event.currentTarget.value)}
      >
        <option value="">{all}</option>
        {shown.map(option => (
          <option key={option} value={option}>
            {format(option)}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Text field of a filter, with suggestions. */
export function TextFilter({
  label,
  value,
  onChange,
  suggestions = [],
  isLive = false,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly suggestions?: readonly string[];
  /** True to filter with each key. */
  readonly isLive?: boolean;
}) {
  const id = useId();
  const change = (event: { currentTarget: HTMLInputElement }) =>
    onChange(event.currentTarget.value.trim());
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="search"
        value={value}
        list={suggestions.length ? `${id}-list` : undefined}
        spellcheck={false}
        autocomplete="off"
        {...(isLive ? { onInput: change } : { onChange: change })}
      />
      {suggestions.length > 0 && (
        <datalist id={`${id}-list`}>
          {suggestions.map(suggestion => (
            <option key={suggestion} value={suggestion} />
          ))}
        </datalist>
      )}
    </div>
  );
}

/** Filters; at a small width they are shown on demand. */
export function Filters({
  count,
  onClear,
  children,
}: {
  /** Number of the filters in use. */
  readonly count: number;
  readonly onClear: () => void;
  readonly children: ComponentChildren;
}) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <div class={`filters ${isOpen ? 'open' : ''}`} role="search">
      <button
        type="button"
        class="filters-toggle"
        aria-expanded={isOpen}
        onClick={() => setIsOpen(!isOpen)}
      >
        Filters{count > 0 && ` (${count})`}
      </button>
      <div class="fields">
        {children}
        <button
          type="button"
          class="quiet clear"
          disabled={count === 0}
          onClick={onClear}
        >
          Clear filters
        </button>
      </div>
    </div>
  );
}

/** Panel with the detail of a row. */
export function Detail({
  title,
  onClose,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const titleId = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // At a small width the detail covers the list.
    if (NARROW.matches) heading.current?.focus();
  }, []);
  const close = () => {
    const row = document.querySelector<HTMLElement>('.row[aria-current]');
    onClose();
    setTimeout(() => row?.focus());
  };
  return (
    <section
      class="detail panel"
      aria-labelledby={titleId}
      onKeyDown={({ key }) => key === 'Escape' && close()}
    >
      <header>
        <h2 id={titleId} ref={heading} tabIndex={-1}>
          {title}
        </h2>
        <button type="button" class="quiet" onClick={close}>
          Close
        </button>
      </header>
      {children}
    </section>
  );
}

export function Fact({
  name,
  children,
}: {
  readonly name: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

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
    ? `Invalid: ${formatName(reason ?? 'entry')}`
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
  const [problem, setProblem] = useState('');
  const contents = revealed.value.get(path);
  const text = contents?.text ?? entry.text;
  const toggle = () => {
    setProblem('');
    if (contents) hide([path]);
    else reveal(path).catch((error: unknown) => setProblem(explain(error)));
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
      {problem && (
        <p class="bad-text" role="alert">
          {problem}
        </p>
      )}
    </section>
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
