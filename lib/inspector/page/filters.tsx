import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';

export function Select({
  label,
  value,
  options,
  onChange,
  format = option => option,
}: {
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly onChange: (value: string) => void;
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
        <option value="">All</option>
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
  /** True to filter while the reader types. */
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
