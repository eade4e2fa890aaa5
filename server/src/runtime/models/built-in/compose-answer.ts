import type { Passage } from '../../knowledge/build-passages.ts'
import { cutText } from '../../knowledge/cut-text.ts'
import { searchPassages, strongScore } from '../../knowledge/search-passages.ts'
import { agentName } from './compose-without-tools.ts'
import { type Phrases, phrases } from './phrases.ts'
import { earlierQuestion } from './plan-tool-calls.ts'
import { readIntents } from './read-intent.ts'
import { type Knowledge, readCalculation, readKnowledge, readPage, readTime } from './read-results.ts'
import type { Turn, TurnResult } from './read-turn.ts'

const maxPassages = 3

/** The answer out of what the tools gave back: texts word for word, with their numbers, and an honest word where there is nothing. */
export function composeAnswer(turn: Turn): string {
  const say = phrases[turn.language]
  const others = turn.results
    .filter((result) => result.toolName !== 'search_knowledge' || result.error !== null)
    .map((result) => composeResult(result, turn, say))
  const searches = turn.results.map(readKnowledge).filter((knowledge) => knowledge !== undefined)
  return [...others, ...(searches.length > 0 ? [composeKnowledge(searches, turn, say)] : [])]
    .filter(Boolean)
    .join('\n\n')
}

function composeResult(result: TurnResult, turn: Turn, say: Phrases): string {
  if (result.error !== null) return say.failed(result.error)
  const calculation = readCalculation(result)
  if (calculation) {
    const number = new Intl.NumberFormat(turn.language, { maximumSignificantDigits: 12, useGrouping: false })
    return `${calculation.expression.replaceAll('*', '×')} = **${number.format(calculation.result)}**`
  }
  const time = readTime(result)
  if (time) return say.time(localTime(time, turn.language), time.timezone)
  const page = readPage(result)
  return page ? composePage(page, turn.message, say) : ''
}

function localTime({ iso, timezone }: { iso: string; timezone: string }, language: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return iso
  const locale = language === 'en' ? 'en-GB' : language
  const format = new Intl.DateTimeFormat(locale, { timeZone: timezone, dateStyle: 'full', timeStyle: 'short' })
  return format.format(date)
}

function composePage(page: { url: string; title: string; text: string }, message: string, say: Phrases): string {
  const name = page.title ? `“${page.title}” (${page.url})` : page.url
  if (page.text.trim() === '') return say.pageIsEmpty(name)
  const question = message
    .replace(/https?:\/\/\S+/gi, ' ')
    .replace(
      /\b(read|summari[sz]e|open|fetch|page|site|website|link|article|lies|fasse?|zusammen\w*|seite|webseite|resume\w*|lis|lee|pagina)\b/gi,
      ' ',
    )
  const passages: Passage[] = cutText(page.text).map(({ heading, text }) => ({
    title: heading || page.title,
    path: '',
    text,
    isQuestion: false,
  }))
  const [hit] = searchPassages(passages, question, 1).hits
  if (hit && hit.score >= strongScore) return `${say.pageSays(name)}\n\n${quote(hit.passage.text)}`
  const beginning = passages.find((passage) => passage.text.length > 80) ?? passages[0]
  return `${say.pageBegins(name)}\n\n${quote(beginning?.text ?? page.text.slice(0, 700))}`
}

const quote = (text: string) => text.replace(/^/gm, '> ')

function composeKnowledge(searches: Knowledge[], turn: Turn, say: Phrases): string {
  const [intent] = readIntents(turn.message)
  const last = searches.at(-1)
  if (!last) return ''
  if (intent?.kind === 'who-are-you') {
    return paragraphs(say.whoAmI(agentName(turn.instructions)), listOf(say.canAsk, last.closest_questions))
  }
  const isWriting = intent?.kind === 'write'
  const chosen = chooseResults(searches)
  if (last.passages_searched === 0) return isWriting ? paragraphs(say.cannotWrite, say.needsModel) : say.noTexts
  const contact = last.contact.length > 0 ? say.contact(last.contact.join(', ')) : ''
  if (chosen.length === 0) {
    if (isWriting) return paragraphs(say.cannotWrite, say.needsModel)
    return paragraphs(say.unknown, listOf(say.iKnowAnswersTo, last.closest_questions), contact)
  }
  const passages = chosen.map(blockOf)
  if (isWriting) return paragraphs(say.cannotWrite, say.fromTheTexts, ...passages)
  if (chosen.every((result) => result.score < strongScore)) return paragraphs(say.unsure, ...passages, contact)
  // The question was put together from two messages; say so, as it may not be what was meant.
  const before = turn.step > 1 ? earlierQuestion(turn) : null
  return paragraphs(before ? say.takenTogether(shorten(before)) : '', ...passages)
}

type Result = Knowledge['results'][number]

/** The best result of each search, with those that are nearly as good; without any twice. */
function chooseResults(searches: Knowledge[]): Result[] {
  const chosen: Result[] = []
  for (const { results } of searches) {
    const [best] = results
    if (!best) continue
    const isNearly = (result: Result) => result.score >= strongScore && result.score >= best.score * 0.85
    for (const result of [best, ...results.slice(1).filter(isNearly)]) {
      const isNew = chosen.every(({ excerpt }) => excerpt !== result.excerpt && !excerpt.includes(result.excerpt))
      if (isNew && chosen.length < maxPassages) chosen.push(result)
    }
  }
  const strong = chosen.filter((result) => result.score >= strongScore)
  return strong.length > 0 ? strong : chosen.slice(0, 1)
}

function blockOf({ title, excerpt, number }: Result): string {
  return `**${title.replace(/[*\n]/g, ' ').trim()}**\n\n${excerpt.trim()} [${number}]`
}

const paragraphs = (...parts: string[]) => parts.filter(Boolean).join('\n\n')

function listOf(lead: string, items: string[]): string {
  return items.length === 0 ? '' : `${lead}\n${items.map((item) => `- ${item}`).join('\n')}`
}

const shorten = (text: string) => (text.length <= 120 ? text : `${text.slice(0, 119).replace(/[\uD800-\uDBFF]$/, '')}…`)
