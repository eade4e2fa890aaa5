const targetLength = 700
// A paragraph of this length is about something of its own; shorter ones are joined with the next.
const enoughForOneSubject = 250

export interface TextPiece {
  /** The nearest Markdown heading above, '' when there is none. */
  heading: string
  text: string
}

/**
 * Cuts a text into pieces of at most about 700 characters: at headings and at paragraphs that begin with a label
 * (`Returns: ...`), then between paragraphs, then between sentences.
 */
export function cutText(text: string): TextPiece[] {
  return sections(text).flatMap(({ heading, body }) => {
    if (body.length <= targetLength && heading !== '') return [{ heading, text: body }]
    const paragraphs = body.split(/\n\s*\n/).flatMap((paragraph) => splitLong(paragraph.trim()))
    return joinUpTo(paragraphs, '\n\n', enoughForOneSubject).map((piece) => ({ heading, text: piece }))
  })
}

// A label is a few words before a colon: not a sentence, and not a time such as 10:00.
const labelPattern = /^(?:\*\*)?(\p{L}[^:\n.!?*]{2,60}):(?:\*\*)?[ \n]+(?=\S)/u

function sections(text: string): { heading: string; body: string }[] {
  const paragraphs = text.split(/\n\s*\n/)
  // One label alone is only how a text begins: `E-mail: ...`.
  const hasLabels = paragraphs.filter((paragraph) => labelPattern.test(paragraph)).length > 1
  const found: { heading: string; lines: string[] }[] = [{ heading: '', lines: [] }]
  for (const paragraph of paragraphs) {
    const label = hasLabels ? labelPattern.exec(paragraph) : null
    if (label) found.push({ heading: label[1] ?? '', lines: [] })
    for (const line of paragraph.slice(label?.[0].length ?? 0).split(/\r?\n/)) {
      const heading = line.length < 300 ? /^#{1,6}\s+(.*?)[\s#]*$/.exec(line)?.[1] : undefined
      if (heading) found.push({ heading, lines: [] })
      else found.at(-1)?.lines.push(line)
    }
    found.at(-1)?.lines.push('')
  }
  return found
    .map(({ heading, lines }) => ({ heading, body: lines.join('\n').trim() }))
    .filter((section) => section.body !== '')
}

function splitLong(paragraph: string): string[] {
  if (paragraph.length <= targetLength) return paragraph ? [paragraph] : []
  const lines = paragraph.split('\n')
  if (lines.length > 1) return joinUpTo(lines.flatMap(splitLong), '\n')
  // A sentence ends where a blank follows, so that `12.50` stays whole; in Chinese and Japanese no blank follows.
  const sentences = paragraph.match(/.*?(?:[.!?]{1,5}["'”»)]{0,3}(?:\s+|$)|[。！？]|$)/gsu) ?? [paragraph]
  return joinUpTo(sentences.filter(Boolean).flatMap(splitByLength), '')
}

/** The last resort: a text without sentences is cut at a blank, or anywhere. */
function splitByLength(sentence: string): string[] {
  const pieces: string[] = []
  let rest = sentence
  while (rest.length > targetLength) {
    const blank = rest.lastIndexOf(' ', targetLength)
    let end = blank > targetLength / 2 ? blank + 1 : targetLength
    // Never between the two halves of one character.
    if (/[\uD800-\uDBFF]/.test(rest.charAt(end - 1))) end--
    pieces.push(rest.slice(0, end))
    rest = rest.slice(end)
  }
  return [...pieces, rest]
}

function joinUpTo(parts: string[], separator: string, enough = targetLength): string[] {
  const joined: string[] = []
  let current = ''
  for (const part of parts) {
    if (current !== '' && (current.length >= enough || current.length + part.length > targetLength)) {
      joined.push(current.trim())
      current = ''
    }
    current = current === '' ? part : current + separator + part
  }
  if (current.trim() !== '') joined.push(current.trim())
  return joined
}
