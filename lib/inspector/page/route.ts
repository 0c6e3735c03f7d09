import { signal } from '@preact/signals';

export const TABS = [
  { tab: 'overview', title: 'Overview' },
  { tab: 'live', title: 'Live' },
  { tab: 'dead-letters', title: 'Dead letters' },
  { tab: 'invalid', title: 'Invalid' },
] as const;

export type Tab = (typeof TABS)[number]['tab'];

interface Route {
  readonly tab: Tab;
  /** Conversation that the tab "Live" shows. */
  readonly conversationId?: string;
}

/** View that the fragment of the URL names. */
export const route = signal(parse(location.hash));

addEventListener('hashchange', () => (route.value = parse(location.hash)));

function parse(hash: string): Route {
  const [name, conversationId] = hash.slice(1).split('/');
  if (name === 'conversation' && conversationId) {
    return { tab: 'live', conversationId: decode(conversationId) };
  }
  return { tab: TABS.find(({ tab }) => tab === name)?.tab ?? 'overview' };
}

/** Decodes a part of a URL; returns a malformed one as it is. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const conversationUrl = (id: string): string =>
  `#conversation/${encodeURIComponent(id)}`;
