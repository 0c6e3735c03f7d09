import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { explain, get, post } from './api';
import { Chart, type ChartProps, type Series } from './charts';
import type { Charts, State } from './contract';
import { act, notify } from './dialogs';
import { formatCount, formatMs, formatName, formatNumberOf } from './format';
import { Age, Fact, Placeholder, Scope, Time, unloadedText } from './parts';
import { connection, state } from './store';

const CHARTS_INTERVAL_MS = 10_000;

/** Xenioo stops calling after this many failed calls. */
const MAX_STRIKES = 10;

/** Types that have a colour of their own; the others share one. */
const SHOWN_TYPES = 5;

export function Overview() {
  const current = state.value;
  return (
    <div class="overview">
      <h1 class="hidden">Overview</h1>
      {current ? <Tiles state={current} /> : <LoadingTiles />}
      <HourCharts />
      {current && <About state={current} />}
    </div>
  );
}

function Tile({
  title,
  value,
  tone = '',
  isShared = false,
  action,
  children,
}: {
  readonly title: string;
  readonly value: ComponentChildren;
  readonly tone?: '' | 'good' | 'warn' | 'bad';
  /** True for a figure of all processes. */
  readonly isShared?: boolean;
  readonly action?: ComponentChildren;
  readonly children?: ComponentChildren;
}) {
  return (
    <section class={`tile panel ${tone}`}>
      <h2>{title}</h2>
      <p class="value">{value}</p>
      <p class="note">{children}</p>
      <div class="foot">
        <Scope of={isShared ? 'All processes' : 'This process'} />
        {action}
      </div>
    </section>
  );
}

function LoadingTiles() {
  return (
    <div class="tiles" aria-busy="true">
      {[
        'Strikes',
        'Last call',
        'Pending',
        'Retries',
        'Dead letters',
        'Handlers',
      ].map(title => (
        <Tile key={title} title={title} value="–">
          {unloadedText()}
        </Tile>
      ))}
    </div>
  );
}

function Tiles({ state }: { readonly state: State }) {
  const {
    strikes,
    refused,
    isSilent,
    lastAcceptedAt,
    lastEventAt,
    pending,
    running,
    retries,
    deadLetters,
    oldestPendingAt,
    isShared,
    handlesEvents,
  } = state;
  return (
    <div class="tiles">
      <Tile
        title="Strikes"
        value={
          <>
            {formatCount(strikes)} <small>of {MAX_STRIKES}</small>
          </>
        }
        tone={strikes === 0 ? '' : strikes < MAX_STRIKES / 2 ? 'warn' : 'bad'}
      >
        {strikes === 0
          ? 'Every call with the secret was answered 200.'
          : 'Calls not answered 200. Xenioo stops calling after more than 10.'}{' '}
        {refused > 0 &&
          `${formatNumberOf(refused, 'call')} without the secret.`}
      </Tile>
      <Tile
        title="Last call"
        value={lastAcceptedAt ? <Age at={lastAcceptedAt} /> : 'None yet'}
        tone={isSilent ? 'bad' : ''}
      >
        {isSilent
          ? 'Silent: Xenioo may have stopped calling.'
          : lastEventAt && (
              <>
                Last event: <Age at={lastEventAt} />
              </>
            )}
      </Tile>
      <Tile title="Pending" value={formatCount(pending)} isShared={isShared}>
        {formatCount(running)} running.{' '}
        {oldestPendingAt && (
          <>
            Oldest: <Age at={oldestPendingAt} />.
          </>
        )}
      </Tile>
      <Tile
        title="Retries"
        value={formatCount(retries)}
        tone={retries > 0 ? 'warn' : ''}
        isShared={isShared}
      >
        Handlers that wait for their next attempt.
      </Tile>
      <Tile
        title="Dead letters"
        value={formatCount(deadLetters)}
        tone={deadLetters > 0 ? 'bad' : ''}
        isShared={isShared}
      >
        {deadLetters > 0 ? (
          <a href="#dead-letters">Show dead letters</a>
        ) : (
          'No failed handlers, no invalid entries.'
        )}
      </Tile>
      {handlesEvents ? (
        <Handling state={state} />
      ) : (
        <Tile title="Handlers" value="Off">
          This process handles no events (<code>worker: false</code>).
        </Tile>
      )}
    </div>
  );
}

function Handling({
  state: { isPaused, readOnly },
}: {
  readonly state: State;
}) {
  const [isBusy, setIsBusy] = useState(false);
  const toggle = async () => {
    setIsBusy(true);
    const failure = isPaused
      ? 'Handling was not resumed'
      : 'Handling was not paused';
    await act(failure, async () => {
      state.value = await post<State>(isPaused ? 'resume' : 'pause');
      notify(
        isPaused
          ? 'This process handles events again.'
          : 'This process starts no handlers now. Calls are still accepted.',
      );
    });
    setIsBusy(false);
  };
  return (
    <Tile
      title="Handlers"
      value={isPaused ? 'Paused' : 'Running'}
      tone={isPaused ? 'warn' : 'good'}
      action={
        !readOnly && (
          <button type="button" disabled={isBusy} onClick={() => void toggle()}>
            {isPaused ? 'Resume' : 'Pause'}
          </button>
        )
      }
    >
      {isPaused ? 'Events are accepted and wait.' : 'Events are handled.'}
    </Tile>
  );
}

function HourCharts() {
  const [charts, setCharts] = useState<Charts>();
  const [problem, setProblem] = useState('');
  const isLive = connection.value.status === 'live';
  useEffect(() => {
    if (!isLive) return undefined;
    const load = () => {
      if (document.hidden) return;
      get<Charts>('charts').then(
        charts => {
          setCharts(charts);
          setProblem('');
        },
        (error: unknown) => setProblem(explain(error)),
      );
    };
    load();
    const timer = setInterval(load, CHARTS_INTERVAL_MS);
    document.addEventListener('visibilitychange', load);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', load);
    };
  }, [isLive]);

  const shown = useMemo(() => (charts ? chartsOf(charts) : []), [charts]);
  return (
    <section aria-labelledby="last-hour">
      <h2 id="last-hour" class="section-heading">
        Last hour <Scope of="This process" />
      </h2>
      {problem && !charts && (
        <Placeholder title="The charts can’t be loaded">
          <p>{problem}</p>
        </Placeholder>
      )}
      <div class="charts">
        {charts
          ? shown.map(chart => (
              <Chart key={chart.title} minutes={charts.minutes} {...chart} />
            ))
          : !problem &&
            [0, 1, 2, 3].map(index => (
              <div key={index} class="panel chart loading" aria-hidden="true" />
            ))}
      </div>
    </section>
  );
}

const total = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0);

/** Charts with their series. */
function chartsOf({
  minutes,
  events,
  failures,
  strikes,
  handlerMs,
  answerMs,
}: Charts): Omit<ChartProps, 'minutes'>[] {
  const types = Object.entries(events).toSorted(
    ([, one], [, other]) => total(other) - total(one),
  );
  const shown = types
    .slice(0, SHOWN_TYPES)
    .map(([type, values], index): Series => ({
      name: formatName(type),
      values,
      color: `--series-${index + 1}`,
    }));
  const others = types.slice(SHOWN_TYPES).map(([, values]) => values);
  if (others.length) {
    const values = minutes.map((_minute, index) =>
      total(others.map(values => values[index] ?? 0)),
    );
    shown.push({ name: 'Other types', values, color: '--series-other' });
  }
  return [
    { title: 'Events per minute by type', shape: 'bars', series: shown },
    {
      title: 'Failed attempts and strikes',
      shape: 'bars',
      series: [
        { name: 'Failed attempts', values: failures, color: '--series-bad' },
        { name: 'Strikes', values: strikes, color: '--series-warn' },
      ],
    },
    {
      title: 'Duration of handlers',
      shape: 'lines',
      format: formatMs,
      series: [
        { name: 'Median', values: handlerMs.p50, color: '--series-1' },
        { name: '95 %', values: handlerMs.p95, color: '--series-3' },
        { name: '99 %', values: handlerMs.p99, color: '--series-2' },
      ],
    },
    {
      title: 'Time to answer a call',
      shape: 'lines',
      format: formatMs,
      series: [
        { name: 'Median', values: answerMs.p50, color: '--series-1' },
        { name: '95 %', values: answerMs.p95, color: '--series-3' },
      ],
    },
  ];
}

function About({
  state: { bots, urls, pid, startedAt, isShared },
}: {
  readonly state: State;
}) {
  return (
    <section class="panel about">
      <h2>About</h2>
      <dl>
        <Fact name="Webhook">
          {urls.map(url => (
            <code key={url}>{url}</code>
          ))}
        </Fact>
        <Fact name={bots.length === 1 ? 'Bot' : 'Bots'}>
          {bots.join(', ') || 'None'}
        </Fact>
        <Fact name="Process">
          {pid}, started <Time at={startedAt} />
        </Fact>
      </dl>
      <p class="muted">
        Live events, charts, strikes and pause are those of this process.{' '}
        {isShared
          ? 'Dead letters, retries and pending events come from the inbox, which several processes may share.'
          : 'Dead letters, retries and pending events come from its inbox.'}
      </p>
    </section>
  );
}
