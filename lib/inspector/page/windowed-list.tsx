import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { NARROW, useMatches } from './media';

/** Rows that are rendered above and below those in view. */
const OVERSCAN = 6;

/** List that renders only the rows in view. */
export function WindowedList<T>({
  items,
  keyOf,
  label,
  selected,
  onSelect,
  onEnd,
  children,
}: {
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  readonly label: string;
  readonly selected: string | undefined;
  readonly onSelect: (item: T) => void;
  /** Called when the last row is in view. */
  readonly onEnd?: () => void;
  /** Renders the cells of a row. */
  readonly children: (item: T) => ComponentChildren;
}) {
  const list = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const rowHeight = useMatches(NARROW) ? 68 : 40;

  const measure = () => {
    const { scrollTop: top, clientHeight: height } = list.current!;
    setView(view =>
      view.top === top && view.height === height ? view : { top, height },
    );
  };
  useLayoutEffect(() => {
    const observer = new ResizeObserver(measure);
    observer.observe(list.current!);
    return () => observer.disconnect();
  }, []);

  // New rows are added above: what is in view stays there, unless it is the top.
  const first = useRef<string>(undefined);
  useLayoutEffect(() => {
    const { scrollTop } = list.current!;
    const added = items.findIndex(item => keyOf(item) === first.current);
    if (scrollTop > 0 && added > 0) {
      list.current!.scrollTop = scrollTop + added * rowHeight;
    }
    first.current = items[0] && keyOf(items[0]);
    measure();
  }, [items]);

  const start = Math.max(0, Math.floor(view.top / rowHeight) - OVERSCAN);
  const end = Math.min(
    items.length,
    Math.ceil((view.top + view.height) / rowHeight) + OVERSCAN,
  );
  useEffect(() => {
    if (end === items.length) onEnd?.();
  }, [end, items]);

  return (
    <div ref={list} class="rows" onScroll={measure}>
      <ol
        aria-label={label}
        onKeyDown={moveFocus}
        style={{
          paddingTop: `${start * rowHeight}px`,
          paddingBottom: `${(items.length - end) * rowHeight}px`,
        }}
      >
        {items.slice(start, end).map((item, index) => {
          const key = keyOf(item);
          return (
            <li
              key={key}
              aria-setsize={items.length}
              aria-posinset={start + index + 1}
              style={{ height: `${rowHeight}px` }}
            >
              <button
                type="button"
                class="row"
                aria-current={key === selected ? 'true' : undefined}
                onClick={() => onSelect(item)}
              >
                {children(item)}
              </button>
            </li>
          );
        })}
      </ol>
    </div>
  );
}

/** Moves the focus among the rows with the arrow keys. */
function moveFocus(event: KeyboardEvent): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const row = document.activeElement?.closest('li');
  const other =
    event.key === 'ArrowDown'
      ? row?.nextElementSibling
      : row?.previousElementSibling;
  const button = other?.querySelector('button');
  if (!button) return;
  event.preventDefault();
  button.focus();
}
