/** The channels that Xenioo documents, and any other: an open set. */
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
