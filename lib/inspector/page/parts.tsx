import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { formatAge, formatDateTime, formatShortly } from './format';
import { NARROW } from './media';
import { connection, now, state } from './store';

/** Time of day, and the date of another day; its title has both. */
export function Time({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={formatDateTime(at)}>
      {formatShortly(at)}
    </time>
  );
}

/** Age of a time, updated each second. */
export function Age({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={formatDateTime(at)}>
      {formatAge(at, now.value)}
    </time>
  );
}

/** Names the processes that a list or a figure covers, if several may share the inbox. */
export function Scope({
  of,
}: {
  readonly of: 'This process' | 'All processes';
}) {
  return state.value?.isShared ? <small>{of}</small> : null;
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
export const unloadedText = (): string =>
  ['connecting', 'live'].includes(connection.value.status)
    ? 'Loading…'
    : 'Not loaded';

/** Text in place of a list that has not been read. */
export const Unloaded = () => <Placeholder title={unloadedText()} />;

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
