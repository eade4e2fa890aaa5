/** PostgreSQL stores neither NUL nor lone surrogates: both become U+FFFD. The same text when there is nothing to replace. */
export function sanitiseText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed()
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '\uFFFD') : wellFormed
}

/**
 * The same for every string in a JSON value, names of fields included. The same value when there is nothing to replace.
 * `text` is what JSON.stringify makes of it, for whoever has that already.
 */
export function sanitiseJson<T>(value: T, text = JSON.stringify(value) ?? ''): T {
  // JSON.stringify writes exactly these two as escapes, so one search over the text finds them at any depth.
  return /\\u0000|\\ud[89a-f]/.test(text) ? (clean(value) as T) : value
}

function clean(value: unknown): unknown {
  if (typeof value === 'string') return sanitiseText(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(clean)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [sanitiseText(name), clean(inner)]))
}

/** Makes a text that comes in pieces storable, keeping together the surrogate pairs that were cut apart between two pieces. */
export class TextSanitiser {
  #held = ''
  isSanitised = false

  /** What of the text so far may be shown now. */
  push(piece: string): string {
    let text = this.#held + piece
    const last = text.charCodeAt(text.length - 1)
    this.#held = last >= 0xd800 && last <= 0xdbff ? text.slice(-1) : ''
    if (this.#held !== '') text = text.slice(0, -1)
    return this.#clean(text)
  }

  /** What was still held back at the end. */
  flush(): string {
    const rest = this.#held
    this.#held = ''
    return this.#clean(rest)
  }

  #clean(text: string): string {
    const safe = sanitiseText(text)
    if (safe !== text) this.isSanitised = true
    return safe
  }
}
