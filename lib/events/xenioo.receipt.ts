/** Bot whose API Secret was sent, and time of the call. */
export interface XeniooReceipt {
  readonly bot: {
    readonly name: string;
    /** Entries with another `BotToken` are rejected as `foreign-bot`; absent if any token is accepted. */
    readonly token?: string | undefined;
  };
  readonly receivedAt: Date;
}
