import { Parser } from 'htmlparser2'

const skipped = new Set(
  `script style noscript template svg math iframe object canvas audio video select textarea button input nav footer aside
   form dialog menu head`.split(/\s+/),
)
const blocks = new Set(
  `address article blockquote body br dd div dl dt fieldset figcaption figure h1 h2 h3 h4 h5 h6 header hr li main ol p pre
   section table tbody td tfoot th thead tr ul`.split(/\s+/),
)
// Elements without an end: they must not open a region that is never closed.
const voids = new Set('area base br col embed hr img input link meta source track wbr'.split(' '))

// The parser's stack costs time by its depth at every tag: 100,000 elements inside each other would take a minute.
const maxDepth = 500

class TooDeep extends Error {}

export interface PageText {
  title: string
  text: string
  isCut: boolean
}

/** The title and the text a person would read: without scripts, navigation and what is hidden; the main part alone if it is marked. */
export function readHtml(html: string, maxChars: number): PageText {
  // Twice as much is collected, as the main part may begin late.
  const whole = createTextCollector(maxChars * 2)
  const main = createTextCollector(maxChars * 2)
  let title = ''
  let titleDepth = 0
  let mainDepth = 0
  let depth = 0
  let isTooDeep = false
  const openSkips: string[] = []

  const parser = new Parser(
    {
      onopentag(name, attributes) {
        if (++depth > maxDepth) throw new TooDeep()
        if (name === 'title' && title === '') titleDepth = 1
        if (openSkips.length > 0 || skipped.has(name) || isHidden(attributes)) {
          if (!voids.has(name)) openSkips.push(name)
          return
        }
        if (name === 'main' || name === 'article') mainDepth++
        for (const collector of mainDepth > 0 ? [whole, main] : [whole]) collector.open(name)
      },
      ontext(text) {
        if (titleDepth > 0) title += text
        if (openSkips.length > 0) return
        for (const collector of mainDepth > 0 ? [whole, main] : [whole]) collector.add(text)
      },
      onclosetag(name) {
        depth--
        if (name === 'title') titleDepth = 0
        if (openSkips.length > 0) {
          if (openSkips.at(-1) === name) openSkips.pop()
          return
        }
        for (const collector of mainDepth > 0 ? [whole, main] : [whole]) collector.close(name)
        if ((name === 'main' || name === 'article') && mainDepth > 0) mainDepth--
      },
    },
    { decodeEntities: true, lowerCaseTags: true },
  )
  try {
    parser.end(html)
  } catch (error) {
    if (!(error instanceof TooDeep)) throw error
    isTooDeep = true
  }
  const mainText = main.text()
  const text = mainText.length >= 200 ? mainText : whole.text()
  return {
    title: oneLine(title).slice(0, 300),
    text: cutAt(text, maxChars),
    isCut: isTooDeep || text.length > maxChars,
  }
}

/** Shortens without cutting a character in two. */
export function cutAt(text: string, maxChars: number): string {
  return text.slice(0, maxChars).replace(/[\uD800-\uDBFF]$/, '')
}

// What nobody sees is where instructions to models are hidden.
function isHidden(attributes: Record<string, string>): boolean {
  if ('hidden' in attributes || attributes['aria-hidden'] === 'true') return true
  return /display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])/i.test(
    attributes.style ?? '',
  )
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim()

function createTextCollector(limit: number) {
  let collected = ''
  let preDepth = 0
  const isFull = () => collected.length > limit
  return {
    open(name: string) {
      if (isFull()) return
      if (name === 'pre') preDepth++
      if (/^h[1-6]$/.test(name)) collected += `\n\n${'#'.repeat(Number(name[1]))} `
      else if (name === 'li') collected += '\n- '
      else if (name === 'br' || name === 'tr') collected += '\n'
      else if (name === 'td' || name === 'th') collected += ' | '
      else if (blocks.has(name)) collected += '\n\n'
    },
    add(text: string) {
      if (isFull()) return
      collected += (preDepth > 0 ? text : text.replace(/\s+/g, ' ')).slice(0, limit + 1)
    },
    close(name: string) {
      if (name === 'pre' && preDepth > 0) preDepth--
      if (isFull()) return
      if (blocks.has(name) && !['li', 'br', 'td', 'th', 'tr'].includes(name)) collected += '\n\n'
    },
    text: () =>
      collected
        .replace(/[ \t]+\n/g, '\n')
        .replace(/\n[ \t]+/g, '\n')
        .replace(/\n{3,}/g, '\n\n')
        .replace(/[ \t]{2,}/g, ' ')
        .trim(),
  }
}
