/** The bot whose secret was sent, and the time of the call. */
export interface XeniooReceipt {
  readonly bot: {
    readonly name: string;
    /** Entries with another `BotToken` are foreign; absent where any token is accepted. */
    readonly token?: string | undefined;
  };
  readonly receivedAt: Date;
}
