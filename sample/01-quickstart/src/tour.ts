import {
  xeniooEntry,
  XeniooSender,
  type XeniooCallOptions,
} from 'nestjs-xenioo/testing';
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';

/** Call of Xenioo, and its expected results. */
interface Step {
  title: string;
  body: unknown;
  options?: XeniooCallOptions;
  status: number;
  /** Lines that the handlers should print, in any order. */
  prints: string[];
}

/** Makes the calls of Xenioo; resolves with true if every answer and every printed line is as expected. */
export async function tour(
  sender: XeniooSender,
  handled: () => Promise<void>,
): Promise<boolean> {
  let isAsExpected = true;
  for (const step of await steps()) {
    console.log(`\n▸ ${step.title}`);
    const printed = recordPrints();
    const { status } = await sender.call(step.body, step.options);
    await handled();
    const stepIsAsExpected =
      status === step.status &&
      isDeepStrictEqual(printed().toSorted(), step.prints.toSorted());
    console.log(
      stepIsAsExpected
        ? `  ${status}, as expected`
        : `  ${status}: NOT as expected: ${step.status} and ${step.prints.join(' / ') || 'no print'}`,
    );
    isAsExpected &&= stepIsAsExpected;
  }
  return isAsExpected;
}

/** Records the lines that handlers print. The returned function stops the recording and returns the lines. */
function recordPrints(): () => string[] {
  const { log } = console;
  const lines: string[] = [];
  console.log = (line: string) => {
    log(line);
    lines.push(line.trim());
  };
  return () => {
    console.log = log;
    return lines;
  };
}

/** Returns the examples of Xenioo's documentation, and other possible calls. */
async function steps(): Promise<Step[]> {
  const file = new URL('../documented.json', import.meta.url);
  const [bot, user, intent, unmatched] = JSON.parse(
    await readFile(file, 'utf8'),
  ) as object[];
  const documented = [
    { entry: bot, isDated: true, prints: [counted('bot-message')] },
    {
      entry: user,
      isDated: true,
      prints: [
        'message  conversation user name writes “Hello there!”',
        counted('user-message'),
      ],
    },
    { entry: intent, isDated: false, prints: [counted('intent-updated')] },
    {
      entry: unmatched,
      isDated: false,
      prints: [counted('unmatched-message')],
    },
  ];
  return [
    ...documented.map(({ entry, prints }, index) => ({
      title: `documented example ${index + 1} of ${documented.length}`,
      body: entry,
      status: 200,
      prints,
    })),
    {
      title: 'the same examples as one array: those with a date are duplicates',
      body: documented.map(({ entry }) => entry),
      status: 200,
      prints: documented
        .filter(({ isDated }) => !isDated)
        .flatMap(({ prints }) => prints),
    },
    {
      title: 'a type that Xenioo may add one day',
      body: xeniooEntry.unknown(),
      status: 200,
      prints: [counted('unknown')],
    },
    {
      title: 'a broken body',
      body: '{"Type":1,"Data":"Hel',
      status: 200,
      prints: [
        'kept     not-json: the body is not valid JSON: it ends too early, after 21 characters',
      ],
    },
    {
      title: 'a wrong secret',
      body: user,
      options: { authorization: 'Bearer wrong' },
      status: 401,
      prints: [],
    },
  ];
}

function counted(typeName: string): string {
  return `counted  ${typeName} of the bot “default”`;
}
