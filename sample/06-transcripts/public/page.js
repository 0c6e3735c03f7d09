/* global Chart */

// Texts go into the page as text (textContent), never as HTML: people write what they like.

const REFRESH_MS = 5_000;
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

const find = id => document.getElementById(id);
const search = find('search');
const charts = new Map();
let opened;

async function load(path) {
  const response = await fetch(`api/${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
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

async function showConversations() {
  const words = search.value;
  const conversations = await load(
    `conversations?search=${encodeURIComponent(words)}`,
  );
  // An answer to what was typed before comes too late.
  if (words !== search.value) return;
  const items = conversations.map(({ id, userName, channel, bot, lastAt }) => {
    const button = element('button', userName ?? 'Unknown');
    button.append(element('small', `${channel ?? bot} · ${time(lastAt)}`));
    if (id === opened) button.setAttribute('aria-current', 'true');
    button.addEventListener('click', () => {
      opened = id;
      void refresh();
    });
    const item = document.createElement('li');
    item.append(button);
    return item;
  });
  if (items.length === 0) items.push(element('li', 'No conversation.', 'note'));
  find('conversations').replaceChildren(...items);
}

async function showTranscript() {
  if (opened === undefined) return;
  const id = opened;
  const entries = await load(`conversations/${id}`);
  if (id !== opened) return;
  const items = entries.map(({ type, text, at }) => {
    const isMessage = type === 'user-message' || type === 'bot-message';
    if (!isMessage) return element('li', `${type} · ${time(at)}`, 'note');
    const item = element('li', text ?? '', type);
    item.append(element('small', time(at)));
    return item;
  });
  find('transcript').replaceChildren(...items);
}

async function showStatistics() {
  const { days, channels } = await load('statistics');
  const labels = days.map(({ day }) => day);
  const names = [...new Set(channels.map(({ channel }) => channel))].toSorted(
    (one, other) => one.localeCompare(other),
  );
  const counts = new Map(
    channels.map(({ day, channel, messages }) => [
      `${day} ${channel}`,
      messages,
    ]),
  );
  const values = field => days.map(day => day[field]);

  draw(
    'messages',
    'bar',
    labels,
    names.map((name, index) =>
      series(
        name.replace(/Channel$/, ''),
        labels.map(day => counts.get(`${day} ${name}`) ?? 0),
        index,
      ),
    ),
  );
  draw('fallbackRate', 'line', labels, [
    series('fallbacks per 100 messages', values('fallbackRate'), 4),
  ]);
  draw('unmatched', 'bar', labels, [
    series('unmatched', values('unmatched'), 1),
  ]);
  draw('takeOvers', 'bar', labels, [
    series('take-overs', values('takeOvers'), 2),
  ]);
}

function series(label, data, index = 0) {
  const color = COLORS[index % COLORS.length];
  return { label, data, backgroundColor: color, borderColor: color };
}

function draw(id, type, days, datasets) {
  const labels = days.map(day => day.slice(5));
  const chart = charts.get(id);
  if (chart) {
    chart.data = { labels, datasets };
    chart.update('none');
    return;
  }
  const isStacked = type === 'bar';
  charts.set(
    id,
    new Chart(find(id), {
      type,
      data: { labels, datasets },
      options: {
        animation: false,
        maintainAspectRatio: false,
        plugins: {
          legend: { display: id === 'messages', position: 'right' },
        },
        scales: {
          x: { stacked: isStacked, grid: { display: false } },
          y: { stacked: isStacked, beginAtZero: true, ticks: { precision: 0 } },
        },
      },
    }),
  );
}

async function refresh() {
  try {
    await Promise.all([
      showConversations(),
      showTranscript(),
      showStatistics(),
    ]);
    find('problem').textContent = '';
  } catch (error) {
    find('problem').textContent =
      `Loading failed (${error.message}); trying again.`;
  }
}

search.addEventListener('input', () => void refresh());
setInterval(() => {
  if (!document.hidden) void refresh();
}, REFRESH_MS);
await refresh();
