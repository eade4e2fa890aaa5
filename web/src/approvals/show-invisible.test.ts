import { expect, test } from 'vitest'
import { showInvisible } from './show-invisible.ts'

test('words hidden in signs without a shape are shown', () => {
  const hidden = [...'key'].map((letter) => String.fromCodePoint(0xe0000 + (letter.codePointAt(0) ?? 0))).join('')
  expect(showInvisible(`Hello${hidden}`)).toBe('Hello⟦U+E006B⟧⟦U+E0065⟧⟦U+E0079⟧')
  expect(showInvisible('a\u200bb\u200dc\u200c')).toBe('a⟦U+200B⟧b⟦U+200D⟧c⟦U+200C⟧')
  expect(showInvisible('\ufe00\ufe01\u{e0101}')).toBe('⟦U+FE00⟧\ufe01⟦U+E0101⟧')
})

test('an address that is turned round is not shown turned round', () => {
  expect(showInvisible('anna\u202emoc.elpmaxe@\u202c')).toBe('anna⟦U+202E⟧moc.elpmaxe@⟦U+202C⟧')
})

test('ordinary texts stay as they are', () => {
  for (const text of ['Grüße, 東京\n\tنعم', '👩‍👩‍👧 ❤️ 🏳️‍🌈', 'می‌خواهم', 'क्‍ष', 'a - b…'])
    expect(showInvisible(text)).toBe(text)
})
