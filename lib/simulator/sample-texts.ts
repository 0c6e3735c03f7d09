/** Messages of users to bots of a help desk, a shop or a survey. */
export const QUESTIONS = [
  'Hello there!',
  'Where is my order?',
  'I ordered on Monday, and nothing has come yet 😕',
  'Can I change the address of delivery?',
  'Do you have these in size 42?',
  'How do I send something back?',
  'The code SPRING does not work.',
  'What are your opening hours?',
  'Grüße aus München! Liefern Sie auch hierher?',
  'I would like to talk to a person, please.',
  '4',
  'Yes',
] as const;

/** Messages of bots. */
export const ANSWERS = [
  'Let me look that up for you.',
  'Your order left our house yesterday and should be with you tomorrow.',
  'Of course! What is the number of your order?',
  'Here is what I have found:',
  'On a scale from 1 to 5, how happy are you with us?',
  'Is there anything else that I can do for you?',
] as const;

export const GREETING = "Hey you, I'm your chatbot! How can I help?";
export const MISUNDERSTOOD = 'I am sorry, I did not understand that.';
export const OPERATOR_GREETING = 'Hello, this is Grace. I am taking over.';
export const GOODBYE = 'Thank you, and have a nice day!';

/** Messages that no bot understands. */
export const UNMATCHED_TEXTS = [
  'hm, the thing, you know',
  'asdf',
  '???',
  'same as last time but the other way round',
] as const;

export const USER_NAMES = [
  'Ada Lovelace',
  'Grace Hopper',
  'Jürgen Groß',
  'Zoë Núñez',
  '渡辺 恵',
  'Олена Коваль',
  'conversation user name',
] as const;

export const CHANNELS = [
  'TelegramChannel',
  'WhatsAppChannel',
  'FacebookChannel',
  'WebChannel',
] as const;

export const INTENTS = [
  { Name: 'Order status', Key: 'order-status' },
  { Name: 'Opening hours', Key: 'opening-hours' },
  { Name: 'Return goods', Key: 'return-goods' },
] as const;

export const ENTITIES = [
  { Name: 'Order number', Key: 'order-number' },
  { Name: 'City', Key: 'city' },
] as const;
