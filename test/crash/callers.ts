import { Agent, request } from 'node:http';

/** Calls at the same time, each with a few events, until it is told to stop. */
export class Callers {
  /** Numbers of the events that were answered 200. */
  readonly answered: number[] = [];
  /** How many events were sent, answered or not. */
  sent = 0;
  /** Answers other than 200. */
  readonly refused: number[] = [];
  /** Calls that had no answer: the connection broke. */
  brokenOff = 0;
  private isOver = false;
  private readonly agent = new Agent({ keepAlive: true });
  private readonly calling: Promise<void>[];

  constructor(
    callers: number,
    private readonly secret: string,
    /** Where to call now; resolves when a server is up. */
    private readonly url: () => Promise<string>,
    private readonly random: () => number,
  ) {
    this.calling = Array.from({ length: callers }, () => this.call());
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.calling);
    this.agent.destroy();
  }

  private async call(): Promise<void> {
    while (!this.isOver) {
      const size = this.random() < 0.7 ? 1 : 1 + Math.floor(this.random() * 30);
      const numbers = Array.from({ length: size }, () => this.sent++);
      const body = JSON.stringify(numbers.map(entry));
      // A call that was broken off is made again, as a careful service would.
      while ((await this.post(body)) !== 200) if (this.isOver) return;
      this.answered.push(...numbers);
    }
  }

  /** The status of the answer; none where the connection broke. */
  private async post(body: string): Promise<number | undefined> {
    const url = await this.url();
    return new Promise(resolve => {
      const breakOff = () => {
        this.brokenOff++;
        resolve(undefined);
      };
      const outgoing = request(
        url,
        {
          method: 'POST',
          agent: this.agent,
          headers: {
            authorization: `Bearer ${this.secret}`,
            'content-length': Buffer.byteLength(body),
          },
        },
        response => {
          response.resume();
          response.on('error', breakOff);
          response.on('end', () => {
            if (response.statusCode !== 200) {
              this.refused.push(response.statusCode!);
            }
            resolve(response.statusCode);
          });
        },
      );
      outgoing.on('error', breakOff);
      outgoing.end(body);
    });
  }
}

function entry(number: number) {
  const ticks = String(number).padStart(7, '0');
  return {
    Type: 1,
    Data: `message ${number}, of some length, as people write them to a bot `.repeat(
      4,
    ),
    Date: `2024-05-01T12:00:00.${ticks}+00:00`,
    ConversationId: `conversation-${number % 50}`,
    number,
  };
}
