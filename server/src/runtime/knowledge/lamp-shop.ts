import { type Capabilities, capabilitiesSchema, type Settings } from '../../agents/capabilities.ts'

/** A customer service agent as a shop would set it up; the tests of knowledge, tools and the built-in model ask it. */
export const lampShopCapabilities: Capabilities = capabilitiesSchema.parse({
  instructions: 'You answer customers of {{settings.business_name}}.',
  settings: {
    type: 'object',
    properties: {
      business_name: { type: 'string', title: 'What is your business called?' },
      about: { type: 'string', title: 'About us', format: 'textarea' },
      policies: { type: 'string', title: 'Terms', format: 'textarea' },
      faq: {
        type: 'array',
        title: 'FAQ',
        items: {
          type: 'object',
          properties: {
            question: { type: 'string', title: 'Question' },
            answer: { type: 'string', title: 'Answer' },
          },
        },
      },
      secret_note: { type: 'string', title: 'Notes for staff' },
    },
  },
  tools: ['current_time', 'calculator', 'fetch_page', 'search_knowledge'],
  knowledge: ['business_name', 'about', 'policies', 'faq'],
})

export const lampShopSettings: Settings = {
  business_name: 'Lumen & Oak',
  about:
    'Lumen & Oak makes lamps out of oak wood and recycled brass in a small workshop in Leeds. We began in 2012 with one desk lamp and are now nine people. You can visit the showroom at 12 Mill Lane, Leeds LS1 4AB.',
  policies:
    '# Warranty\n\nEvery lamp has a warranty of five years on wood and brass, and two years on the electric parts. Bulbs are not covered.\n\n# Privacy\n\nWe keep your address for as long as the law asks, and never sell your data. Write to privacy@lumenoak.example to see or delete what we keep.',
  secret_note: 'The margin is 62 percent.',
  faq: [
    {
      question: 'How fast do you ship?',
      answer: 'Orders leave our workshop within 2 working days. In the UK they reach you 1 to 3 days later.',
    },
    {
      question: 'Do you ship abroad?',
      answer:
        'Yes, to all countries of the European Union, Norway and Switzerland. It takes 5 to 8 days and costs £14.',
    },
    { question: 'How much is shipping?', answer: 'Shipping in the UK costs £4.90, and nothing for orders over £80.' },
    {
      question: 'Can I return a lamp?',
      answer: 'Yes, within 30 days, unused and in its box. We pay you back within a week after it arrives.',
    },
    {
      question: 'My lamp arrived broken. What now?',
      answer: 'Send a photo to help@lumenoak.example within 14 days and we send a new one at once, free of charge.',
    },
    { question: 'How can I pay?', answer: 'By Visa, Mastercard, PayPal, Apple Pay or bank transfer.' },
    {
      question: 'When is the showroom open?',
      answer: 'Tuesday to Saturday from 10:00 to 18:00. Closed on Sundays, Mondays and bank holidays.',
    },
    { question: 'Which bulbs fit?', answer: 'All lamps take E27 LED bulbs up to 10 watts. The mini lamp takes E14.' },
    { question: 'Can the lamps be dimmed?', answer: 'Yes, with a dimmable bulb. The Arc has a dimmer in the cable.' },
    {
      question: 'How do I reach a person?',
      answer: 'Call +44 113 496 0000 on working days from 9 to 17, or write to help@lumenoak.example.',
    },
    {
      question: 'Do you give discounts?',
      answer: 'Students and trade customers get 10 % off. Write to us with proof.',
    },
    {
      question: 'Can I change or cancel my order?',
      answer: 'Until it has left the workshop: reply to the confirmation e-mail and we change it.',
    },
  ],
}

/** The same kind of shop in German. */
export const germanSettings: Settings = {
  business_name: 'Buchhandlung Kranich',
  faq: [
    {
      question: 'Wie lange dauert die Lieferung?',
      answer: 'Lagernde Bücher verschicken wir am selben Tag, sie sind in 1 bis 2 Werktagen bei Ihnen.',
    },
    { question: 'Was kostet der Versand?', answer: 'Ab 20 Euro ist der Versand kostenlos, darunter 2,90 Euro.' },
    {
      question: 'Kann ich ein Buch zurückgeben?',
      answer: 'Ja, innerhalb von 14 Tagen, wenn es ungelesen ist. Das Geld bekommen Sie nach drei Tagen zurück.',
    },
    { question: 'Wann haben Sie geöffnet?', answer: 'Montag bis Freitag 9 bis 19 Uhr, Samstag 9 bis 16 Uhr.' },
    { question: 'Wie kann ich bezahlen?', answer: 'Mit Kreditkarte, PayPal, Lastschrift oder auf Rechnung.' },
    {
      question: 'Bestellen Sie auch Bücher, die nicht da sind?',
      answer: 'Ja, fast jedes Buch ist am nächsten Tag da.',
    },
    { question: 'Gibt es Lesungen?', answer: 'Jeden ersten Donnerstag im Monat um 19:30 Uhr, Eintritt 8 Euro.' },
  ],
}
