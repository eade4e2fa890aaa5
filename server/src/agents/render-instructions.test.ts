import { describe, expect, test } from 'vitest'
import { settingsSchemaSchema } from './capabilities.ts'
import { renderInstructions } from './render-instructions.ts'

const schema = settingsSchemaSchema.parse({
  type: 'object',
  properties: {
    name: { type: 'string', title: 'Name' },
    tone: { type: 'string', title: 'Tone', default: 'friendly' },
    phone: { type: 'string', title: 'Phone' },
    email: { type: 'string', title: 'E-mail' },
    seats: { type: 'integer', title: 'Seats' },
    delivers: { type: 'boolean', title: 'Delivers?' },
    words: { type: 'array', title: 'Words', items: { type: 'string', title: 'Word' } },
    faq: {
      type: 'array',
      title: 'FAQ',
      items: {
        type: 'object',
        properties: {
          question: { type: 'string', title: 'Question' },
          answer: { type: 'string', title: 'Answer' },
          note: { type: 'string', title: 'Anything else?' },
        },
      },
    },
    constructor: { type: 'string', title: 'Builder' },
  },
})

const render = (template: string, settings = {}) => renderInstructions(template, settings, schema)

test('puts in texts, numbers and yes or no', () => {
  const settings = { name: ' Beans ', seats: 12, delivers: true }
  expect(render('{{settings.name}}: {{ settings.seats }} seats, delivery {{settings.delivers}}.', settings)).toBe(
    'Beans: 12 seats, delivery yes.',
  )
  expect(render('Delivery: {{settings.delivers}}', { delivers: false })).toBe('Delivery: no')
  expect(render('Seats: {{settings.seats}}', { seats: 0 })).toBe('Seats: 0')
})

test('puts in the default for a setting that is absent, and nothing for one that was emptied', () => {
  expect(render('Be {{settings.tone}}.')).toBe('Be friendly.')
  expect(render('Be {{settings.tone}}.', { tone: 'formal' })).toBe('Be formal.')
  expect(render('Tone: {{settings.tone}}', { tone: '' })).toBe('')
})

describe('lists', () => {
  test('of texts become bullets', () => {
    expect(render('{{settings.words}}', { words: ['fresh', 'local'] })).toBe('- fresh\n- local')
  })

  test('begin on a line of their own', () => {
    expect(render('Say: {{settings.words}} often.', { words: ['fresh'] })).toBe('Say:\n- fresh\noften.')
  })

  test('of groups become a bullet each, in the order of the form, without what is empty', () => {
    const faq = [
      { answer: 'No.', question: 'Open on Sunday?' },
      { question: 'Parking?', answer: 'Behind\nthe shop.', note: 'Free' },
      {},
    ]
    expect(render('{{settings.faq}}', { faq })).toBe(
      [
        '- Question: Open on Sunday?',
        '  Answer: No.',
        '- Question: Parking?',
        '  Answer: Behind',
        '  the shop.',
        '  Anything else: Free',
      ].join('\n'),
    )
  })

  test('that are empty count as missing', () => {
    expect(render('Words: {{settings.words}}', { words: [] })).toBe('')
  })
})

describe('missing values', () => {
  test('take a line with them that is only their label', () => {
    const template =
      'Start\n- **Phone:** {{settings.phone}}\nE-mail: {{settings.email}}\n{{settings.words}}\nName: {{settings.name}}'
    expect(render(template, { name: 'Beans' })).toBe('Start\nName: Beans')
  })

  test('leave a sentence standing', () => {
    expect(render('Call {{settings.phone}} if in doubt.')).toBe('Call  if in doubt.')
  })

  test('keep a line in which another value is there', () => {
    expect(render('Contact: {{settings.phone}} {{settings.email}}', { email: 'a@b.example' })).toBe(
      'Contact:  a@b.example',
    )
  })

  test('take the heading with them under which nothing is left', () => {
    const template = '# Who\nYou help.\n\n## Contact\n{{settings.phone}}\n{{settings.email}}\n\n## Rules\nBe kind.'
    expect(render(template)).toBe('# Who\nYou help.\n\n\n## Rules\nBe kind.')
    expect(render(template, { email: 'a@b.example' })).toContain('## Contact\na@b.example')
  })

  test('leave a heading alone that had nothing to lose', () => {
    expect(render('# Title\n## Part\nText')).toBe('# Title\n## Part\nText')
  })
})

test('a value is plain text: its own braces and dollar signs stay as they are', () => {
  const settings = { name: '{{settings.phone}} $& $1', phone: 'SECRET' }
  expect(render('Name: {{settings.name}}', settings)).toBe('Name: {{settings.phone}} $& $1')
})

test('a heading inside a value does not count as a heading of the template', () => {
  expect(render('## About\n{{settings.name}}\n{{settings.phone}}', { name: '# Beans' })).toBe('## About\n# Beans')
})

test('a setting named like a property of every object is still only a setting', () => {
  expect(render('By: {{settings.constructor}}', {})).toBe('')
  expect(render('By: {{settings.constructor}}', { constructor: 'Ann' })).toBe('By: Ann')
})

test('an unknown setting is empty', () => {
  expect(render('A {{settings.nothing}}B')).toBe('A B')
})
