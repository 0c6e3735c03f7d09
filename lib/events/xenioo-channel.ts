/** Name of a channel. The documented ones are listed; Xenioo may send others. */
export type XeniooChannel =
  | 'APIHookChannel'
  | 'AlexaChannel'
  | 'DiscordChannel'
  | 'FacebookChannel'
  | 'GBMChannel'
  | 'GenesysChannel'
  | 'InstagramChannel'
  | 'MSTeamsChannel'
  | 'PhoneChannel'
  | 'RCSChannel'
  | 'SMSChannel'
  | 'SlackChannel'
  | 'TelegramChannel'
  | 'ViberChannel'
  | 'WebChannel'
  | 'WhatsAppChannel'
  | (string & {});
