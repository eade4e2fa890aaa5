import { describe, expect, test } from 'vitest'
import { buildPassages } from './build-passages.ts'
import { findContacts } from './find-contacts.ts'
import { germanSettings, lampShopCapabilities, lampShopSettings } from './lamp-shop.ts'
import { searchPassages, strongScore } from './search-passages.ts'

const english = buildPassages(lampShopSettings, lampShopCapabilities)
const german = buildPassages(germanSettings, lampShopCapabilities)

function best(passages: typeof english, query: string) {
  const hit = searchPassages(passages, query).hits[0]
  return hit && { title: hit.passage.title, isStrong: hit.score >= strongScore }
}

const answered: [query: string, title: string][] = [
  ['How fast do you ship?', 'How fast do you ship?'],
  ['how long does delivery take', 'How fast do you ship?'],
  ['when will my package arrive?', 'How fast do you ship?'],
  ['do you deliver to Austria', 'Do you ship abroad?'],
  ['Do you ship to brazil?', 'Do you ship abroad?'],
  ['what does postage cost', 'How much is shipping?'],
  ['can I get my money back', 'Can I return a lamp?'],
  ['refund policy', 'Can I return a lamp?'],
  ['I want to send it back', 'Can I return a lamp?'],
  ['the lamp came damaged', 'My lamp arrived broken. What now?'],
  ['can i pay with paypal', 'How can I pay?'],
  ['opening hours', 'When is the showroom open?'],
  ['are you open on sunday', 'When is the showroom open?'],
  ['is it dimmable?', 'Can the lamps be dimmed?'],
  ['what lightbulb do i need', 'Which bulbs fit?'],
  ['talk to a human', 'How do I reach a person?'],
  ['student discount', 'Do you give discounts?'],
  ['cancel my order', 'Can I change or cancel my order?'],
  ['how long is the warranty', 'Terms: Warranty'],
  ['guarantee', 'Terms: Warranty'],
  ['how do i delete my data', 'Terms: Privacy'],
  ['what is recycled', 'About us'],
  // long
  [
    'Hi there, I bought a lamp from you last week for my mother and it arrived broken yesterday, can I get a new one?',
    'My lamp arrived broken. What now?',
  ],
  // mistyped
  ['refudn', 'Can I return a lamp?'],
  ['warrenty', 'Terms: Warranty'],
  ['discuont for studnets', 'Do you give discounts?'],
  ['opning hours', 'When is the showroom open?'],
  // in another language than the texts
  ['Wie lange dauert der Versand?', 'How fast do you ship?'],
  ['Wann haben Sie geöffnet?', 'When is the showroom open?'],
  ['Puis-je retourner un article ?', 'Can I return a lamp?'],
  ['¿Cuánto cuesta el envío?', 'How much is shipping?'],
]

const answeredInGerman: [query: string, title: string][] = [
  ['wie schnell liefert ihr', 'Wie lange dauert die Lieferung?'],
  ['Lieferzeit', 'Wie lange dauert die Lieferung?'],
  ['Versandkosten?', 'Was kostet der Versand?'],
  ['Öffnungszeiten', 'Wann haben Sie geöffnet?'],
  ['oeffnungszeiten', 'Wann haben Sie geöffnet?'],
  ['habt ihr samstags offen', 'Wann haben Sie geöffnet?'],
  ['Umtausch', 'Kann ich ein Buch zurückgeben?'],
  ['ruckgabe moglich?', 'Kann ich ein Buch zurückgeben?'],
  ['Kann man mit Karte zahlen?', 'Wie kann ich bezahlen?'],
  ['nächste Lesung', 'Gibt es Lesungen?'],
  ['lessung', 'Gibt es Lesungen?'],
  ['opening hours', 'Wann haben Sie geöffnet?'],
]

const unrelated = [
  'what is the capital of France',
  'who won the world cup',
  'tell me a joke',
  'what is the weather in Leeds',
  'how tall is mount everest',
  'who is the CEO',
  'do you sell chairs',
  'what is the margin',
  'is there parking',
  'how long is the Nile',
  'price of bitcoin',
  'how much is a car',
  'do you have gift cards',
  'translate hello to french',
  '',
  '???',
  '的 🙂',
]

describe('search', () => {
  test.each(answered)('"%s" finds "%s"', (query, title) => {
    expect(best(english, query)).toEqual({ title, isStrong: true })
  })

  test.each(answeredInGerman)('"%s" finds "%s" in German texts', (query, title) => {
    expect(best(german, query)).toEqual({ title, isStrong: true })
  })

  test.each(unrelated)('"%s" finds nothing', (query) => {
    expect(searchPassages(english, query).hits).toEqual([])
  })

  test.each(['Was ist die Hauptstadt von Frankreich?', 'Wie hoch ist der Eiffelturm', 'Wie wird das Wetter morgen?'])(
    '"%s" finds nothing in German texts',
    (query) => {
      expect(searchPassages(german, query).hits).toEqual([])
    },
  )

  test('texts in scripts without spaces and in other alphabets are found', () => {
    const passages = buildPassages(
      {
        faq: [
          { question: '退货政策是什么?', answer: '30天内可以退货。' },
          { question: '営業時間を教えてください', answer: '午前9時から午後6時まで。' },
          { question: 'Как вернуть товар?', answer: 'В течение 14 дней.' },
          { question: 'ร้านเปิดกี่โมง', answer: 'เปิดเก้าโมงเช้า' },
          { question: 'ما هي مدة التوصيل؟', answer: 'ثلاثة أيام.' },
        ],
      },
      lampShopCapabilities,
    )
    const found = (query: string) => searchPassages(passages, query).hits[0]?.passage.path
    expect(found('你们的退货政策')).toBe('/faq/0')
    expect(found('営業時間は?')).toBe('/faq/1')
    expect(found('вернуть')).toBe('/faq/2')
    expect(found('ร้านเปิดเมื่อไหร่')).toBe('/faq/3')
    expect(found('مدة التوصيل')).toBe('/faq/4')
  })

  test('at most five hits, best first in rank, each at most 1', () => {
    const { hits } = searchPassages(english, 'shipping lamp order price')
    expect(hits.length).toBeGreaterThan(1)
    expect(hits.length).toBeLessThanOrEqual(5)
    for (const { score } of hits) expect(score).toBeLessThanOrEqual(1)
  })

  test('contacts under a title about contact come first', () => {
    expect(findContacts(english)[0]).toBe('help@lumenoak.example')
    expect(findContacts(english)).toContain('+44 113 496 0000')
    expect(findContacts(german)).toEqual([])
  })

  test('hostile queries of the longest length end quickly', () => {
    const started = performance.now()
    for (const query of ['a '.repeat(50_000), 'how long '.repeat(20_000), 'x'.repeat(100_000), '%'.repeat(10_000)]) {
      searchPassages(english, query)
    }
    expect(performance.now() - started).toBeLessThan(5000)
  })
})
