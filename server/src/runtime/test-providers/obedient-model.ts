import type { RecordedRequest } from './start-test-provider.ts'
import type { TestReply } from './test-reply.ts'

const order = /\[\[(call|later) ([\w-]+)((?: \w+=[^\]\s]*)*)\]\]/g

/**
 * The worst model there can be: it does whatever stands anywhere in its prompt, also in descriptions of tools and in
 * signs that people do not see, and then says all it has been told. An order is `[[call tool name=value ...]]`, with `_`
 * for a space in a value; `[[later ...]]` is one for when the user says thanks.
 */
export function createObedientModel(requests: () => RecordedRequest[]): (() => TestReply) & { forget(): void } {
  const done = new Set<string>()
  const reply = (): TestReply => {
    const {
      messages = [],
      tools = [],
      tool_choice,
    } = (requests().at(-1)?.body ?? {}) as {
      messages?: { role: string; content?: unknown }[]
      tools?: unknown[]
      tool_choice?: unknown
    }
    const texts = listTexts([messages, tools]).map(readInvisible)
    const isThanked = JSON.stringify(messages.findLast(({ role }) => role === 'user')?.content).includes('Thanks')
    const orders = texts
      .flatMap((text) => [...text.matchAll(order)])
      .filter(([whole, when]) => !done.has(whole) && (when === 'call' || isThanked))
    const calls = new Map(
      orders.map(([whole, , name = '', inputs = '']) => [whole, { name, input: readInputs(inputs) }]),
    )
    for (const whole of calls.keys()) done.add(whole)
    if (calls.size > 0 && tool_choice !== 'none') return { kind: 'tool-calls', calls: [...calls.values()] }
    return { kind: 'text', text: `I was told: ${listTexts(messages).reverse().join('\n').slice(0, 5000)}` }
  }
  return Object.assign(reply, { forget: () => done.clear() })
}

function readInputs(text: string): Record<string, string> {
  const pairs = text.trim().split(' ').filter(Boolean)
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      return [pair.slice(0, at), pair.slice(at + 1).replaceAll('_', ' ')]
    }),
  )
}

/** Every text in a value, names of fields included, and in JSON inside texts. */
function listTexts(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => [name, ...listTexts(inner)])
}

/** Tag characters are ASCII that no font shows. */
function readInvisible(text: string): string {
  return text.replace(/[\u{E0020}-\u{E007E}]/gu, (sign) => String.fromCodePoint((sign.codePointAt(0) ?? 0) - 0xe0000))
}
