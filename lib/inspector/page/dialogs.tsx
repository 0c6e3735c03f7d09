import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import {
  authorization,
  explain,
  isAuthorizationNeeded,
  setAuthorization,
} from './api';
import { reconnect } from './store';

/** Modal dialog that is open while it is rendered. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const titleId = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => opener instanceof HTMLElement && opener.focus();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={titleId}
      onCancel={event => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={titleId}>{title}</h2>
      {children}
    </dialog>
  );
}

interface Question {
  readonly title: string;
  readonly text: string;
  /** Text of the button that confirms. */
  readonly action: string;
  readonly answer: (isConfirmed: boolean) => void;
}

const question = signal<Question>();

/** Asks the reader to confirm an action that can't be undone. */
export function confirm(asked: Omit<Question, 'answer'>): Promise<boolean> {
  return new Promise(resolve => {
    const answer = (isConfirmed: boolean) => {
      question.value = undefined;
      resolve(isConfirmed);
    };
    question.value = { ...asked, answer };
  });
}

export function ConfirmDialog() {
  if (!question.value) return null;
  const { title, text, action, answer } = question.value;
  return (
    <Dialog title={title} onClose={() => answer(false)}>
      <p>{text}</p>
      <div class="actions end">
        <button type="button" onClick={() => answer(false)}>
          Cancel
        </button>
        <button type="button" class="danger" onClick={() => answer(true)}>
          {action}
        </button>
      </div>
    </Dialog>
  );
}

const closeAuthorization = () => (isAuthorizationNeeded.value = false);

/** Asks for the value of the `Authorization` header. */
export function AuthorizationDialog() {
  const inputId = useId();
  const input = useRef<HTMLInputElement>(null);
  return (
    <Dialog title="Authorization" onClose={closeAuthorization}>
      <form
        onSubmit={event => {
          event.preventDefault();
          setAuthorization(input.current!.value.trim());
          reconnect();
        }}
      >
        <p>
          {authorization.value
            ? 'The server refused this value.'
            : 'The server asks for credentials.'}{' '}
          The value is sent as the Authorization header of each request. It
          stays in this browser tab.
        </p>
        <label for={inputId}>Value of the header</label>
        <input
          id={inputId}
          ref={input}
          type="password"
          name="authorization"
          required
          pattern="[ -~]+"
          title="Printable ASCII characters"
          placeholder="Bearer …"
          autocomplete="off"
          spellcheck={false}
        />
        <div class="actions end">
          <button type="button" onClick={closeAuthorization}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Continue
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface Notice {
  readonly text: string;
  readonly isError: boolean;
}

const notice = signal<Notice>();
let noticeTimer: number | undefined;

/** Shows the result of an action. A failure stays until it is closed. */
export function notify(text: string, isError = false): void {
  clearTimeout(noticeTimer);
  notice.value = { text, isError };
  if (isError) return;
  noticeTimer = setTimeout(() => (notice.value = undefined), 6_000);
}

/** Runs an action; its failure becomes a notice. */
export async function act(
  failure: string,
  action: () => Promise<void>,
): Promise<void> {
  try {
    await action();
  } catch (error) {
    notify(`${failure}: ${explain(error)}`, true);
  }
}

export function NoticeArea() {
  return (
    <div class="notices" role="status">
      {notice.value && (
        <div class={`notice ${notice.value.isError ? 'bad' : ''}`}>
          <span>{notice.value.text}</span>
          <button
            type="button"
            class="quiet"
            onClick={() => (notice.value = undefined)}
          >
            Close
          </button>
        </div>
      )}
    </div>
  );
}
