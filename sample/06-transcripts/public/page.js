/* global Chart */

// Texts go into the page as text (textContent), never as HTML: people write what they like.

const REFRESH_MS = 5_000;
const STATISTICS_MS = 15_000;
const TYPING_MS = 300;
const COLORS = [
  '#1f5fbf',
  '#e07b00',
  '#1c8a5a',
  '#a83297',
  '#b3261e',
  '#5b5fc7',
  '#00829b',
  '#7a6200',
  '#5a6675',
];
const isNarrow = matchMedia('(max-width: 56rem)');

const find = id => document.getElementById(id);
const search = find('search');
const transcript = find('transcript');
const older = find('older');
const charts = new Map();
const shownValues = new Map();

/** The entries of the opened conversation that are shown, by id. */
let entries = new Map();
let wantsOlder = false;

/** Id of the conversation in the address, so that the browser's way back closes it. */
const opened = () => Number(location.hash.slice(1)) || undefined;

async function load(path, signal) {
  const response = await fetch(`api/${path}`, { signal });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  const data = await response.json();
  signal.throwIfAborted();
  return data;
}

/** Returns a function that calls `show` now, and again some time after it has ended. It aborts an earlier call. */
function repeated(show, everyMs) {
  const problem = find('problem').appendChild(element('span', ''));
  let running = new AbortController();
  let timer;
  return async function run() {
    running.abort();
    clearTimeout(timer);
    const { signal } = (running = new AbortController());
    try {
      if (!document.hidden) await show(signal);
      problem.textContent = '';
    } catch (error) {
      if (signal.aborted) return;
      problem.textContent = `Loading failed (${error.message}); trying again. `;
    }
    timer = setTimeout(() => void run(), everyMs);
  };
}

function element(name, text, className = '') {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

const time = date =>
  new Date(date).toLocaleString([], {
    dateStyle: 'medium',
    timeStyle: 'short',
  });

const short = channel => channel.replace(/Channel$/, '');

/** Fills a list, unless it shows the same already: then the focus and selected text stay. */
function fill(list, values, toItem, none) {
  const json = JSON.stringify([values, none]);
  if (shownValues.get(list) === json) return;
  shownValues.set(list, json);
  const focused = list.contains(document.activeElement)
    ? document.activeElement.hash
    : undefined;
  const items = values.map(toItem);
  if (items.length === 0) items.push(element('li', none, 'note'));
  list.replaceChildren(...items);
  if (focused) list.querySelector(`[href="${focused}"]`)?.focus();
}

async function showConversations(signal) {
  const words = encodeURIComponent(search.value);
  const found = await load(`conversations?search=${words}`, signal);
  fill(
    find('conversations'),
    found.map(values => ({ ...values, isOpened: values.id === opened() })),
    ({ id, userName, channel, bot, lastAt, isOpened }) => {
      const link = element('a', userName ?? 'Unknown');
      link.href = `#${id}`;
      link.append(
        element('small', `${short(channel ?? bot)} · ${time(lastAt)}`),
      );
      if (isOpened) link.setAttribute('aria-current', 'true');
      const item = element('li', '');
      item.append(link);
      return item;
    },
    'No conversation.',
  );
}

async function showUnmatched(signal) {
  const words = encodeURIComponent(search.value);
  fill(
    find('unmatched-messages'),
    await load(`unmatched?search=${words}`, signal),
    ({ conversationId, text, at }) => {
      const isLinked = conversationId !== null;
      const shown = element(isLinked ? 'a' : 'p', text ?? '');
      if (isLinked) shown.href = `#${conversationId}`;
      shown.append(element('small', time(at)));
      const item = element('li', '');
      item.append(shown);
      return item;
    },
    'No unmatched message.',
  );
}

async function showTranscript(signal) {
  const id = opened();
  if (id === undefined) return;
  const latest = await load(`conversations/${id}`, signal);
  if (!latest) return showEntries('Transcript', [], 'No such conversation.');
  // Without an entry in common, some in between may be missing.
  const isAnew = !latest.entries.some(entry => entries.has(entry.id));
  if (isAnew) {
    entries = new Map();
    older.hidden = !latest.hasOlder;
  }
  add(latest);
  const isOlder = wantsOlder;
  if (isOlder) {
    const [first] = inOrder();
    const page = await load(`conversations/${id}?before=${first.id}`, signal);
    add(page);
    older.hidden = !page.hasOlder;
    wantsOlder = false;
  }
  const { scrollTop, scrollHeight, clientHeight } = transcript;
  const isAtEnd = scrollHeight - scrollTop - clientHeight < 40;
  showEntries(latest.userName ?? 'Unknown', inOrder());
  const grownBy = transcript.scrollHeight - scrollHeight;
  if (isOlder) transcript.scrollTop = scrollTop + grownBy;
  else if (isAnew || isAtEnd) transcript.scrollTop = transcript.scrollHeight;
}

function add(page) {
  for (const entry of page.entries) entries.set(entry.id, entry);
}

function inOrder() {
  return [...entries.values()].toSorted(
    (one, other) => new Date(one.at) - new Date(other.at) || one.id - other.id,
  );
}

function showEntries(name, values, none) {
  find('name').textContent = name;
  fill(
    transcript,
    values,
    ({ type, text, at }) => {
      if (text === null) return element('li', `${type} · ${time(at)}`, 'note');
      const item = element('li', text, type);
      const label = type === 'unmatched-message' ? 'unmatched · ' : '';
      item.append(element('small', label + time(at)));
      return item;
    },
    none,
  );
}

async function showStatistics(signal) {
  const figures = await load('statistics', signal);
  const days = [...new Set(figures.map(({ day }) => day))];
  const channels = [
    ...new Set(
      figures
        .filter(({ messages }) => messages > 0)
        .map(({ channel }) => channel),
    ),
  ].toSorted((one, other) => one.localeCompare(other));
  const perDay = (field, channel) =>
    days.map(day =>
      figures
        .filter(row => row.day === day && (row.channel === channel || !channel))
        .reduce((sum, row) => sum + row[field], 0),
    );
  const userMessages = perDay('userMessages');

  draw(
    'messages',
    'bar',
    days,
    channels.map((channel, index) =>
      series(short(channel), perDay('messages', channel), index),
    ),
  );
  draw('fallbackRate', 'line', days, [
    series(
      'fallbacks per 100 messages',
      perDay('fallbacks').map((fallbacks, index) =>
        userMessages[index] ? (100 * fallbacks) / userMessages[index] : null,
      ),
      4,
    ),
  ]);
  draw('unmatched', 'bar', days, [series('unmatched', perDay('unmatched'), 1)]);
  draw('takeOvers', 'bar', days, [
    series('take-overs', perDay('takeOvers'), 2),
  ]);
}

function series(label, data, index) {
  const color = COLORS[index % COLORS.length];
  return { label, data, backgroundColor: color, borderColor: color };
}

function draw(id, type, days, datasets) {
  const labels = days.map(day => day.slice(5));
  const isStacked = type === 'bar';
  const legend = {
    display: id === 'messages',
    position: 'bottom',
    labels: { boxWidth: 12 },
  };
  const options = {
    animation: false,
    maintainAspectRatio: false,
    plugins: { legend },
    scales: {
      x: { stacked: isStacked, grid: { display: false } },
      y: { stacked: isStacked, beginAtZero: true, ticks: { precision: 0 } },
    },
  };
  const data = { labels, datasets };
  const chart = charts.get(id);
  if (!chart) {
    charts.set(id, new Chart(find(id), { type, data, options }));
    return;
  }
  Object.assign(chart, { data, options });
  chart.update('none');
}

const refresh = repeated(
  signal =>
    Promise.all([
      showConversations(signal),
      showUnmatched(signal),
      showTranscript(signal),
    ]),
  REFRESH_MS,
);
const refreshStatistics = repeated(showStatistics, STATISTICS_MS);

function open() {
  const isOpened = opened() !== undefined;
  document.body.classList.toggle('opened', isOpened);
  entries = new Map();
  older.hidden = true;
  wantsOlder = false;
  const none = isOpened ? 'Loading …' : 'Choose a conversation.';
  showEntries('Transcript', [], none);
  if (isOpened && isNarrow.matches) transcript.focus();
  void refresh();
}

let typing;
search.addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(() => void refresh(), TYPING_MS);
});
older.addEventListener('click', () => {
  wantsOlder = true;
  void refresh();
});
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  void refresh();
  void refreshStatistics();
});
addEventListener('hashchange', open);
open();
void refreshStatistics();
