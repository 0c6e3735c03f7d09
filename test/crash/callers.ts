import {
  xeniooEntry,
  XeniooSender,
  type XeniooWireEntry,
} from 'nestjs-xenioo/testing';

/** Callers that send a few events per call, simultaneously, until they are stopped. */
export class Callers {
  /** Numbers of the events that were answered 200. */
  readonly answered: number[] = [];
  /** Number of sent events, answered or not. */
  sent = 0;
  /** Answers other than 200. */
  readonly refused: number[] = [];
  /** Number of calls without an answer because the connection broke. */
  brokenOff = 0;
  private isOver = false;
  /** Senders by the URL of the server. */
  private readonly senders = new Map<string, XeniooSender>();
  private readonly calling: Promise<void>[];

  constructor(
    callers: number,
    private readonly secret: string,
    /** Returns the URL of the next call; resolves when a server is up. */
    private readonly url: () => Promise<string>,
    private readonly random: () => number,
  ) {
    this.calling = Array.from({ length: callers }, () => this.call());
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.calling);
    for (const sender of this.senders.values()) sender.close();
  }

  private async call(): Promise<void> {
    while (!this.isOver) {
      const size = this.random() < 0.7 ? 1 : 1 + Math.floor(this.random() * 30);
      const numbers = Array.from({ length: size }, () => this.sent++);
      const body = JSON.stringify(numbers.map(entry));
      // A call without an answer is repeated.
      while (!(await this.isAnswered(body))) if (this.isOver) return;
      this.answered.push(...numbers);
    }
  }

  private async isAnswered(body: string): Promise<boolean> {
    const sender = this.senderTo(await this.url());
    const { status } = await sender.call(body);
    if (status === undefined) this.brokenOff++;
    else if (status !== 200) this.refused.push(status);
    return status === 200;
  }

  private senderTo(url: string): XeniooSender {
    const { secret } = this;
    const sender =
      this.senders.get(url) ??
      new XeniooSender({ url, secret, failures: 'ignore' });
    this.senders.set(url, sender);
    return sender;
  }
}

function entry(number: number): XeniooWireEntry {
  return xeniooEntry.userMessage({
    Data: `message ${number}, of some length, as people write them to a bot `.repeat(
      4,
    ),
    ConversationId: `conversation-${number % 50}`,
    number,
  });
}
