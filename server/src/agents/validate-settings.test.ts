import { describe, expect, test } from 'vitest'
import { type SettingsSchema, settingsSchemaSchema } from './capabilities.ts'
import { validateSettings } from './validate-settings.ts'

const schema: SettingsSchema = settingsSchemaSchema.parse({
  type: 'object',
  properties: {
    business_name: { type: 'string', title: 'Name', minLength: 2, maxLength: 20 },
    tone: { type: 'string', title: 'Tone', enum: ['friendly', 'formal'] },
    email: { type: 'string', title: 'E-mail', format: 'email' },
    website: { type: 'string', title: 'Website', format: 'uri' },
    opens_at: { type: 'string', title: 'Opens at', format: 'time' },
    founded: { type: 'string', title: 'Founded', format: 'date' },
    about: { type: 'string', title: 'About', format: 'textarea' },
    seats: { type: 'integer', title: 'Seats', minimum: 1, maximum: 50 },
    rating: { type: 'number', title: 'Rating' },
    delivers: { type: 'boolean', title: 'Delivers?' },
    words: { type: 'array', title: 'Words', items: { type: 'string', title: 'Word' }, maxItems: 3, uniqueItems: true },
    faq: {
      type: 'array',
      title: 'FAQ',
      minItems: 1,
      items: {
        type: 'object',
        properties: {
          question: { type: 'string', title: 'Question', maxLength: 30 },
          answer: { type: 'string', title: 'Answer', maxLength: 200 },
        },
        required: ['question', 'answer'],
      },
    },
  },
  required: ['business_name'],
})

const faultsOf = (settings: unknown) => validateSettings(schema, settings)
const valid = { business_name: 'Beans & Co' }

test('settings that fit the form have no faults', () => {
  expect(faultsOf(valid)).toEqual([])
  expect(
    faultsOf({
      business_name: 'Café Ñandú 🥐',
      tone: 'formal',
      email: 'hello@beans.example',
      website: 'https://müller.example/über?x=1#top',
      opens_at: '09:30',
      founded: '2024-02-29',
      about: 'Two\nlines',
      seats: 12,
      rating: 4.5,
      delivers: false,
      words: ['fresh', 'local'],
      faq: [{ question: 'Open on Sunday?', answer: 'No.' }],
    }),
  ).toEqual([])
})

describe('a required field', () => {
  test.each([
    ['is absent', {}],
    ['is null', { business_name: null }],
    ['is empty', { business_name: '' }],
    ['holds only blanks', { business_name: ' \n\t ' }],
  ])('asks to be filled in when it %s', (_case, settings) => {
    expect(faultsOf(settings)).toEqual([{ path: '/business_name', message: 'Please fill this in.' }])
  })

  test('inside a list is named by the entry it is missing from', () => {
    const faq = [{ question: 'Open?', answer: 'Yes.' }, { question: 'Where?' }, {}]
    expect(faultsOf({ ...valid, faq })).toEqual([
      { path: '/faq/1/answer', message: 'Please fill this in.' },
      { path: '/faq/2/question', message: 'Please fill this in.' },
      { path: '/faq/2/answer', message: 'Please fill this in.' },
    ])
  })
})

test.each([
  ['business_name', 'x', 'Must be at least 2 characters.'],
  ['business_name', 'x'.repeat(21), 'Must be at most 20 characters.'],
  ['business_name', 7, 'Must be text.'],
  ['tone', 'rude', 'Must be one of: friendly, formal.'],
  ['email', 'hello at beans', 'Must be an e-mail address such as name@example.com.'],
  ['website', 'beans.example', 'Must be a web address such as https://example.com.'],
  ['website', 'javascript:alert(1)//https://x.example', 'Must be a web address such as https://example.com.'],
  ['website', 'https://', 'Must be a web address such as https://example.com.'],
  ['opens_at', '25:00', 'Must be a time such as 09:30.'],
  ['founded', '2025-02-29', 'Must be a date such as 2027-03-31.'],
  ['seats', 1.5, 'Must be a whole number.'],
  ['seats', 0, 'Must be 1 or more.'],
  ['seats', 51, 'Must be 50 or less.'],
  ['rating', '4', 'Must be a number.'],
  ['rating', Number.NaN, 'Must be a number that can be written down.'],
  ['delivers', 'yes', 'Must be yes or no (true or false).'],
  ['words', 'fresh', 'Must be a list.'],
  ['words', ['a', 'b', 'c', 'd'], 'Must have at most 3 entries.'],
  ['faq', [], 'Please add at least one entry.'],
])('%s = %j is refused with "%s"', (name, value, message) => {
  expect(faultsOf({ ...valid, [name]: value })).toEqual([{ path: `/${name}`, message }])
})

test('every fault is listed, each field once', () => {
  const settings = { tone: 5, seats: 99, words: ['', 3], faq: ['x'] }
  expect(faultsOf(settings).map((fault) => fault.path)).toEqual([
    '/business_name',
    '/tone',
    '/seats',
    '/words/0',
    '/words/1',
    '/faq/0',
  ])
})

test('a repeated entry of a list without repetition is named by its place', () => {
  expect(faultsOf({ ...valid, words: ['a', 'b', 'a'] })).toEqual([
    { path: '/words/2', message: 'Is already in the list.' },
  ])
})

test.each(['colour', 'constructor', '__proto__', 'a/b~c%20d #é'])('the unknown setting %s is refused', (name) => {
  const settings: unknown = JSON.parse(`{"business_name": "Beans", ${JSON.stringify(name)}: "x"}`)
  const path = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
  expect(faultsOf(settings)).toEqual([{ path, message: 'This agent has no such setting.' }])
})

test('an unknown field in a list entry is refused', () => {
  const faq = [{ question: 'Open?', answer: 'Yes.', note: '' }]
  expect(faultsOf({ ...valid, faq })).toEqual([{ path: '/faq/0/note', message: 'This agent has no such setting.' }])
})

test.each([null, undefined, 'text', 3, true])('settings that are %j instead of a form are refused', (settings) => {
  expect(faultsOf(settings)).toHaveLength(1)
  expect(faultsOf(settings)[0]?.path).toBe('')
})

test('a list in the place of the form is refused', () => {
  expect(faultsOf([])).toEqual([{ path: '', message: 'Must be a group of fields.' }])
})

describe('text that PostgreSQL cannot keep', () => {
  test.each([
    ['NUL', 'a\u0000b'],
    ['a lone high surrogate', 'a\ud83e'],
    ['a lone low surrogate', '\udd50a'],
  ])('%s is refused where it stands', (_name, text) => {
    const message = 'Has a character that cannot be stored.'
    expect(faultsOf({ ...valid, about: text })).toEqual([{ path: '/about', message }])
    expect(faultsOf({ ...valid, words: ['ok', text] })).toEqual([{ path: '/words/1', message }])
  })

  test.each(['\u0000', '\ud83e'])('is refused in a field name too', (name) => {
    expect(faultsOf({ ...valid, [name]: 'x' })).toEqual([
      { path: '', message: 'A field name has a character that cannot be stored.' },
    ])
  })
})

describe('hostile sizes', () => {
  test('500 kB of JSON fit, one byte more does not', () => {
    const overhead = JSON.stringify({ ...valid, about: '' }).length
    const about = 'x'.repeat(500_000 - overhead)
    expect(faultsOf({ ...valid, about })).toEqual([])
    const message = 'All texts together are too long: at most 500 kB fit.'
    expect(faultsOf({ ...valid, about: `${about}x` })).toEqual([{ path: '', message }])
    expect(faultsOf({ ...valid, about: 'é'.repeat(250_000) })).toEqual([{ path: '', message }])
  })

  test('JSON nested 100,000 deep is refused without overflowing the stack', () => {
    const deep: unknown = JSON.parse(`{"about":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)
    expect(faultsOf(deep)).toEqual([{ path: '/about/0/0/0/0', message: 'Is nested too deeply.' }])
  })

  test('a list without a limit of its own takes 500 entries', () => {
    const entry = { question: 'Q', answer: 'A' }
    expect(faultsOf({ ...valid, faq: Array(500).fill(entry) })).toEqual([])
    expect(faultsOf({ ...valid, faq: Array(501).fill(entry) })).toEqual([
      { path: '/faq', message: 'Must have at most 500 entries.' },
    ])
  })

  test('60,000 values are refused at once', () => {
    const message = 'There are too many values; at most 20000 fit.'
    expect(faultsOf({ ...valid, words: Array(60_000).fill('x') })).toEqual([{ path: '/words', message }])
    const many = Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`k${index}`, 1]))
    expect(faultsOf(many)).toEqual([{ path: '', message }])
  })

  test('at most 100 faults are listed', () => {
    const many = Object.fromEntries(Array.from({ length: 15_000 }, (_, index) => [`k${index}`, 1]))
    expect(faultsOf(many)).toHaveLength(100)
  })

  test('texts made to slow a pattern down are answered quickly', () => {
    const started = performance.now()
    faultsOf({ ...valid, website: `https://${'a'.repeat(240_000)} ` })
    faultsOf({ ...valid, email: `${'a.'.repeat(120_000)}@${'b-'.repeat(60_000)}` })
    faultsOf({ business_name: ' '.repeat(400_000) })
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})

test('the schema handed in is not changed, so a frozen one will do', () => {
  const frozen = structuredClone(schema)
  for (const setting of Object.values(frozen.properties)) Object.freeze(setting)
  expect(validateSettings(Object.freeze(frozen), valid)).toEqual([])
  expect(frozen).toEqual(schema)
})
