/** Milliseconds as a person reads them: `340 ms`, `2.4 s`, `1 min 5 s`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** US dollars; runs often cost parts of a cent, so small amounts keep two digits that count. Takes the decimal string of the API. */
export function formatCost(usd: string | number): string {
  const amount = Number(usd)
  if (!Number.isFinite(amount)) return String(usd)
  if (amount === 0) return '$0'
  if (amount < 0.01) return `$${amount.toLocaleString('en-US', { maximumSignificantDigits: 2 })}`
  return `$${amount.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`
}

export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

/** `1 run`, `2 runs`, `1,200 runs`. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

const toolWords: Record<string, string> = {
  current_time: 'Looked at the clock',
  calculator: 'Calculated',
  fetch_page: 'Read a web page',
  search_knowledge: 'Searched the texts in the settings',
  remember: 'Remembered something',
  recall: 'Looked into its memory',
}

/** What a tool did, in words; an unknown tool's name is made readable. */
export function toolTitle(name: string): string {
  const known = toolWords[name]
  if (known) return known
  // Tools of an account carry its type: `smtp__send_email`.
  const [account, tool] = name.split(/__(.+)/)
  if (account && tool) return `${readable(tool)} (${account.replaceAll(/[_-]+/g, ' ')})`
  const words = name.replaceAll(/[_-]+/g, ' ').trim()
  return words === '' ? 'Used a tool' : `Used “${words}”`
}

function readable(name: string): string {
  const words = name.replaceAll(/[_-]+/g, ' ').trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** A tool's input or output as text to read: strings as they are, everything else as indented JSON. */
export function formatValue(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === undefined) return ''
  return JSON.stringify(value, null, 2)
}

/** A text in one line of a list, where the marks of Markdown would only be noise. */
export function firstLine(text: string): string {
  return text
    .replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1')
    .replaceAll(/^\s*(#{1,6}|[-*>]|\d+\.)\s+/gm, '')
    .replaceAll(/\*\*|__|`+/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
