import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { capabilitiesSchema } from '../../agents/capabilities.ts'
import { buildPassages } from './build-passages.ts'
import { cutText } from './cut-text.ts'
import { lampShopCapabilities, lampShopSettings } from './lamp-shop.ts'

const capabilities = capabilitiesSchema.parse({
  instructions: 'x',
  settings: { type: 'object', properties: { menu: { type: 'string', title: 'The menu' } } },
  knowledge: ['menu', 'dishes', 'tags', 'days', 'a/b'],
})

describe('passages', () => {
  test('a question and its answer are one passage with the pointer of the entry', () => {
    const passages = buildPassages(lampShopSettings, lampShopCapabilities)
    expect(passages.find((passage) => passage.path === '/faq/5')).toEqual({
      title: 'How can I pay?',
      path: '/faq/5',
      text: 'By Visa, Mastercard, PayPal, Apple Pay or bank transfer.',
      isQuestion: true,
    })
  })

  test('only settings named as knowledge are read', () => {
    const passages = buildPassages(lampShopSettings, lampShopCapabilities)
    expect(passages.length).toBeGreaterThan(10)
    expect(JSON.stringify(passages)).not.toContain('margin')
  })

  test('headings become part of the title', () => {
    const titles = buildPassages(lampShopSettings, lampShopCapabilities).map((passage) => passage.title)
    expect(titles).toContain('Terms: Warranty')
    expect(titles).toContain('Terms: Privacy')
  })

  test('the pieces of a long answer can be told apart, and only the first is offered as a question', () => {
    const answer = 'The workshop opens at nine and closes at six on every working day. '.repeat(20)
    const passages = buildPassages({ faq: [{ question: 'When?', answer }] }, lampShopCapabilities)
    expect(passages.map(({ title, path, isQuestion }) => [title, path, isQuestion])).toEqual([
      ['When?', '/faq/0', true],
      ['When? (2)', '/faq/0', false],
    ])
  })

  test('entries with several fields, plain lists, numbers and odd names are readable too', () => {
    const settings = {
      dishes: [{ name: 'Soup', price: 6, is_vegan: true }],
      tags: ['quiet', 'garden'],
      days: 30,
      'a/b': 'odd',
    }
    expect(buildPassages(settings, capabilities)).toEqual([
      { title: 'Soup', path: '/dishes/0', text: 'Price: 6\nIs vegan: Yes', isQuestion: false },
      { title: 'tags', path: '/tags', text: '- quiet\n- garden', isQuestion: false },
      { title: 'days', path: '/days', text: '30', isQuestion: false },
      { title: 'a/b', path: '/a~1b', text: 'odd', isQuestion: false },
    ])
  })

  test('nothing filled in gives no passages', () => {
    expect(buildPassages({ menu: '', dishes: [], tags: [] }, capabilities)).toEqual([])
  })

  test('the same settings are cut once', () => {
    const settings = { menu: 'Soup' }
    expect(buildPassages(settings, capabilities)).toBe(buildPassages(settings, capabilities))
  })
})

describe('cutting a long text', () => {
  test('sentences stay whole', () => {
    const sentence = 'The workshop opens at nine and closes at six on every working day of the week. '
    const pieces = cutText(sentence.repeat(40))
    expect(pieces.length).toBeGreaterThan(3)
    for (const { text } of pieces) {
      expect(text.length).toBeLessThanOrEqual(760)
      expect(text).toMatch(/^The workshop.*week\.$/)
    }
  })

  test('paragraphs are kept apart by their headings', () => {
    expect(cutText('# One\nfirst\n\n## Two\nsecond')).toEqual([
      { heading: 'One', text: 'first' },
      { heading: 'Two', text: 'second' },
    ])
  })

  test('paragraphs that begin with a label are about that', () => {
    expect(cutText('Returns: within 30 days.\n\nPayment: by card.')).toEqual([
      { heading: 'Returns', text: 'within 30 days.' },
      { heading: 'Payment', text: 'by card.' },
    ])
    expect(cutText('E-mail: a@b.example\nPhone: 12')).toEqual([{ heading: '', text: 'E-mail: a@b.example\nPhone: 12' }])
  })

  test('a price or a time is not the end of a sentence', () => {
    const pieces = cutText('It costs 12.50 for each of them.'.repeat(100))
    for (const { text } of pieces) expect(text).not.toMatch(/12\.$|^50/)
  })

  test('no text is lost and no piece is much too long, whatever it is made of', () => {
    const part = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('\n', '\n\n', '. ', 'word ', '漢字'.repeat(500)),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 60 }), (parts) => {
        const text = parts.join('').replace(/[#:]/g, '')
        const pieces = cutText(text)
        for (const piece of pieces) expect(piece.text.length).toBeLessThanOrEqual(760)
        expect(
          pieces
            .map((piece) => piece.text)
            .join('')
            .replace(/\s/g, ''),
        ).toBe(text.replace(/\s/g, ''))
      }),
      { numRuns: 200 },
    )
  })
})
