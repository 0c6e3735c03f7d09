import { render } from 'preact';
import { authorization, isAuthorizationNeeded, setAuthorization } from './api';
import { AuthorizationDialog, ConfirmDialog, NoticeArea } from './dialogs';
import { formatCompactly } from './format';
import { Letters } from './letters';
import { Live } from './live';
import { Overview } from './overview';
import { TABS, route, type Tab } from './route';
import { connection, now, reconnect, state, stayConnected } from './store';

function App() {
  const { tab } = route.value;
  return (
    <>
      <Header tab={tab} />
      <main id="main" tabIndex={-1}>
        <Banners />
        {tab === 'overview' && <Overview />}
        {tab === 'live' && <Live />}
        {tab === 'dead-letters' && <Letters key="all" />}
        {tab === 'invalid' && <Letters key="invalid" kind="invalid" />}
      </main>
      <NoticeArea />
      <ConfirmDialog />
      {isAuthorizationNeeded.value && <AuthorizationDialog />}
    </>
  );
}

function Header({ tab: current }: { readonly tab: Tab }) {
  const deadLetters = state.value?.deadLetters ?? 0;
  return (
    <header class="top">
      <a class="skip" href="#main" onClick={skipToMain}>
        Skip to the content
      </a>
      <p class="brand">
        <img src="icon.svg" alt="" width="24" height="24" /> Xenioo inspector
      </p>
      <nav aria-label="Views">
        {TABS.map(({ tab, title }) => (
          <a
            key={tab}
            href={`#${tab}`}
            aria-current={tab === current ? 'page' : undefined}
          >
            {title}
            {tab === 'dead-letters' && deadLetters > 0 && (
              <span class="count">{formatCompactly(deadLetters)}</span>
            )}
          </a>
        ))}
      </nav>
      <ConnectionStatus />
      {authorization.value && (
        <button type="button" class="quiet" onClick={signOut}>
          Forget credentials
        </button>
      )}
    </header>
  );
}

function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

/** Forgets the credentials and what was read with them. */
function signOut(): void {
  setAuthorization('');
  location.reload();
}

const CONNECTION_TITLES = {
  connecting: 'Connecting…',
  live: 'Connected',
  unauthorized: 'Not authorized',
  disconnected: 'Disconnected',
} as const;

function ConnectionStatus() {
  const { status } = connection.value;
  return (
    <p class={`connection ${status}`} role="status">
      <span class="dot" aria-hidden="true" />
      {CONNECTION_TITLES[status]}
    </p>
  );
}

function Banners() {
  const current = connection.value;
  const isPaused = state.value?.isPaused ?? false;
  const problem = state.value?.problem;
  return (
    <div class="banners">
      {current.status === 'disconnected' && (
        <div class="banner bad" role="alert">
          <span>
            Disconnected: {current.reason} What you see may be out of date.{' '}
          </span>
          <span class="muted" aria-live="off">
            Next attempt in{' '}
            {Math.max(0, Math.ceil((current.retryAt - now.value) / 1_000))} s
          </span>
          <button type="button" onClick={reconnect}>
            Connect now
          </button>
        </div>
      )}
      {current.status === 'unauthorized' && (
        <div class="banner warn" role="alert">
          <span>The server asks for credentials.</span>
          <button
            type="button"
            onClick={() => (isAuthorizationNeeded.value = true)}
          >
            Enter credentials
          </button>
        </div>
      )}
      {problem && (
        <div class="banner warn" role="alert">
          The counts of the inbox can’t be read now: {problem}
        </div>
      )}
      {isPaused && (
        <div class="banner warn" role="status">
          This process is paused: it accepts events and starts no handlers.
        </div>
      )}
    </div>
  );
}

render(<App />, document.getElementById('app')!);
void stayConnected();
