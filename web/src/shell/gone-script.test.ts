import { expect, test } from 'vitest'
import { isScriptGone, mayReload } from './gone-script.ts'

const messages = [
  'Failed to fetch dynamically imported module: https://agents.example/assets/usage-page-1a2b.js',
  'error loading dynamically imported module: https://agents.example/assets/usage-page-1a2b.js',
  'Importing a module script failed.',
  'Unable to preload CSS for /assets/usage-page-1a2b.css',
]

test.each(messages)('a page whose script is gone is told from one that is faulty: %s', (message) => {
  expect(isScriptGone(new TypeError(message))).toBe(true)
  expect(isScriptGone({ message })).toBe(false)
  expect(isScriptGone(new TypeError('Failed to fetch'))).toBe(false)
})

test('it is loaded anew once for each script, not where the router did, and not where nothing is remembered', () => {
  const stored = new Map<string, string>()
  const storage = () => ({
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
  })
  const [first, second, third] = messages.map((message) => new TypeError(message))
  if (!first || !second || !third) throw new Error('There are four.')
  expect([mayReload(first, storage), mayReload(first, storage)]).toEqual([true, false])
  expect(mayReload(second, storage)).toBe(true)
  stored.set(`tanstack_router_reload:${third.message}`, '1')
  expect(mayReload(third, storage)).toBe(false)
  const blocked = () => {
    throw new DOMException('The operation is insecure.', 'SecurityError')
  }
  expect(mayReload(new TypeError('Importing'), blocked)).toBe(false)
})
