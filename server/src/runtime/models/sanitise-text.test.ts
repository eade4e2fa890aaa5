import { expect, test } from 'vitest'
import { sanitiseJson, sanitiseText, TextSanitiser } from './sanitise-text.ts'

test('NUL and lone surrogates are replaced, everything else stays', () => {
  expect(sanitiseText('a\u0000\ud800b\udc00 \u{1F600}')).toBe('a\uFFFD\uFFFDb\uFFFD \u{1F600}')
})

test('a JSON value is cleaned at any depth, and the same value when it is clean', () => {
  const clean = { list: [{ text: 'fine \u{1F600}', none: null }], path: 'C:\\u0000' }
  expect(sanitiseJson(clean)).toEqual(clean)
  const same = { a: ['b', 1] }
  expect(sanitiseJson(same)).toBe(same)
  expect(sanitiseJson({ 'k\u0000': [{ t: 'x\ud800' }] })).toEqual({ 'k\uFFFD': [{ t: 'x\uFFFD' }] })
})

test('a surrogate pair that was cut apart between two pieces is put together again', () => {
  const sanitiser = new TextSanitiser()
  const shown = ['a\ud83d', '\ude00b', 'c\ud83d'].map((piece) => sanitiser.push(piece))
  expect(shown).toEqual(['a', '\u{1F600}b', 'c'])
  expect(sanitiser.isSanitised).toBe(false)
  expect(sanitiser.flush()).toBe('\uFFFD')
  expect(sanitiser.isSanitised).toBe(true)
})
