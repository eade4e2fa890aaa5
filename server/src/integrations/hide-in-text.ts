/** How often something may have been escaped: JSON in a URL in JSON is three. */
const maxPasses = 6

// JSON, URLs, HTML. Each is read by itself, so this is linear whatever a stranger writes.
const escaped =
  /\\u([\da-fA-F]{4})|\\(["\\/bfnrt'])|((?:%[\da-fA-F]{2})+)|&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(amp|lt|gt|quot|apos));/g
const letters: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** A text after some unescaping, and where each of its signs begins and ends in the original. */
interface View {
  text: string
  starts: Uint32Array
  ends: Uint32Array
}

/**
 * The text with `mark` in place of each secret, however often it was escaped. Not by regular expressions made of secrets:
 * their errors repeat them, and long ones do not compile.
 */
export function hideInText(text: string, secrets: readonly string[], mark: string): string {
  const spans: [start: number, end: number][] = []
  let view: View | null = null
  for (let pass = 0; pass <= maxPasses; pass++) {
    const present: string = view?.text ?? text
    for (const secret of secrets)
      for (let at = present.indexOf(secret); at >= 0; at = present.indexOf(secret, at + secret.length)) {
        const last = at + secret.length - 1
        spans.push(view ? [view.starts[at] ?? 0, view.ends[last] ?? text.length] : [at, last + 1])
      }
    const next = unescapeOnce(present, view)
    if (!next) break
    view = next
  }
  return spans.length === 0 ? text : cutOut(text, spans, mark)
}

/** Null when there is nothing to unescape. */
function unescapeOnce(text: string, from: View | null): View | null {
  if (!/[\\%&]/.test(text)) return null
  const starts = new Uint32Array(text.length)
  const ends = new Uint32Array(text.length)
  const pieces: string[] = []
  let length = 0
  let read = 0
  const startOf = (at: number) => from?.starts[at] ?? at
  const endOf = (at: number) => from?.ends[at] ?? at + 1
  const keepUntil = (end: number) => {
    pieces.push(text.slice(read, end))
    for (; read < end; read++, length++) {
      starts[length] = startOf(read)
      ends[length] = endOf(read)
    }
  }
  for (const match of text.matchAll(escaped)) {
    const plain = unescapeOne(match)
    if (plain === null) continue
    keepUntil(match.index)
    pieces.push(plain)
    const end = match.index + match[0].length
    for (let at = 0; at < plain.length; at++, length++) {
      starts[length] = startOf(match.index)
      ends[length] = endOf(end - 1)
    }
    read = end
  }
  if (length === 0 && read === 0) return null
  keepUntil(text.length)
  return { text: pieces.join(''), starts, ends }
}

function unescapeOne([, unicode, letter, bytes, decimal, hex, entity]: RegExpMatchArray): string | null {
  if (unicode !== undefined) return String.fromCharCode(Number.parseInt(unicode, 16))
  if (letter !== undefined) return letters[letter] ?? letter
  if (entity !== undefined) return entities[entity] ?? null
  if (bytes !== undefined) return Buffer.from(bytes.replaceAll('%', ''), 'hex').toString('utf8')
  const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex ?? '', 16)
  return code <= 0x10_ff_ff ? String.fromCodePoint(code) : null
}

function cutOut(text: string, spans: [start: number, end: number][], mark: string): string {
  spans.sort(([one], [other]) => one - other)
  let result = ''
  let done = 0
  for (const [start, end] of spans) {
    if (start >= done) result += text.slice(done, start) + mark
    done = Math.max(done, end)
  }
  return result + text.slice(done)
}
