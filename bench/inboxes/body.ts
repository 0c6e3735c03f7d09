let made = 0;

/** Bodies of calls; no event ever comes twice, or `dedupe` would make it look fast. */
export function nextBody(size: number): string {
  if (size === 1) return nextEvent();
  const events = Array.from({ length: size }, nextEvent);
  return `[${events.join(',')}]`;
}

function nextEvent(): string {
  const ticks = String(made++ % 10_000_000).padStart(7, '0');
  const minute = String(Math.floor(made / 10_000_000) % 60).padStart(2, '0');
  return `{"Type":1,"ItemType":"Text","Data":"Good morning, I would like to know where my order is. It was sent on Monday.","Date":"2024-05-01T12:${minute}:00.${ticks}+00:00","BotToken":"5f6a9b2c-1d3e-4f50-8a7b-9c0d1e2f3a4b","AccountName":"Example Shop","ConversationId":"c${made % 5_000}","UserName":"Ada Lovelace","Channel":"TelegramChannel"}`;
}
