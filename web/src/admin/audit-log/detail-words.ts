/** One fact of an entry's detail: `Price`, `49.00 → 59.00`. */
export interface DetailFact {
  label: string
  text: string
}

/**
 * The detail of an entry in lines that a person reads; `from` and `to` become one line with an arrow. `names` has those
 * of ids.
 */
export function readDetail(
  detail: Record<string, unknown>,
  names: ReadonlyMap<string, string> = new Map(),
): DetailFact[] {
  return describe(detail).map(({ label, text }) => {
    const name = names.get(text)
    return name === undefined ? { label, text } : { label: label.replace(/ id$/, ''), text: name }
  })
}

function describe(detail: Record<string, unknown>): DetailFact[] {
  const { from, to, ...rest } = detail
  const facts = Object.entries(rest).flatMap(([name, value]) => factsOf(name, value))
  if (from === undefined && to === undefined) return facts
  return [...changeFacts('', from, to), ...facts]
}

/** `{changes: {price: {from, to}}}` and its like: each change is a line of its own. */
function factsOf(name: string, value: unknown): DetailFact[] {
  if (!isObject(value)) return [{ label: labelOf(name), text: textOf(value) }]
  if ('from' in value || 'to' in value) return changeFacts(name, value.from, value.to)
  return Object.entries(value).flatMap(([inner, part]) =>
    factsOf(name === 'changes' ? inner : `${name} ${inner}`, part),
  )
}

function changeFacts(name: string, from: unknown, to: unknown): DetailFact[] {
  if (isObject(from) && isObject(to)) {
    const names = [...new Set([...Object.keys(from), ...Object.keys(to)])]
    const changed = names.filter((inner) => JSON.stringify(from[inner]) !== JSON.stringify(to[inner]))
    return changed.flatMap((inner) => changeFacts(name ? `${name} ${inner}` : inner, from[inner], to[inner]))
  }
  return [{ label: name ? labelOf(name) : 'Changed', text: `${textOf(from)} → ${textOf(to)}` }]
}

function labelOf(name: string): string {
  const words = name.replaceAll(/[_-]+/g, ' ').trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function textOf(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'nothing'
  if (value === true) return 'yes'
  if (value === false) return 'no'
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(textOf).join(', ')
  if (typeof value === 'object') return JSON.stringify(value)
  const text = String(value)
  return isoMoment.test(text) ? new Date(text).toLocaleString() : text
}

const isoMoment = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
