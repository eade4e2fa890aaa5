import type { Capabilities, Settings } from '../../agents/capabilities.ts'
import { cutText } from './cut-text.ts'

/** A piece of the settings that can answer a question by itself. */
export interface Passage {
  /** The question of an FAQ, the name of an entry, or the setting's title with the nearest heading. */
  title: string
  /** JSON pointer into the settings: `/faq/2`. The pieces of a long text share theirs and differ in their titles. */
  path: string
  text: string
  /** True when the title is a question with an answer of its own, fit to be offered to the user. */
  isQuestion: boolean
}

const cache = new WeakMap<Settings, Map<string, Passage[]>>()

/** The passages of the settings named in `capabilities.knowledge`, in their order. Kept for as long as the settings object lives. */
export function buildPassages(settings: Settings, capabilities: Capabilities): Passage[] {
  const key = JSON.stringify(capabilities.knowledge)
  const byKnowledge = cache.get(settings) ?? new Map<string, Passage[]>()
  cache.set(settings, byKnowledge)
  const kept = byKnowledge.get(key)
  if (kept) return kept
  const passages = [...new Set(capabilities.knowledge)].flatMap((name) => {
    if (!Object.hasOwn(settings, name)) return []
    const property = Object.hasOwn(capabilities.settings.properties, name)
      ? capabilities.settings.properties[name]
      : undefined
    return passagesOf(settings[name], property?.title ?? words(name), `/${pointerToken(name)}`)
  })
  byKnowledge.set(key, passages)
  return passages
}

function passagesOf(value: unknown, title: string, path: string): Passage[] {
  if (Array.isArray(value)) return passagesOfList(value, title, path)
  if (isRecord(value)) return passagesOfEntry(value, title, path)
  return passagesOfText(asText(value), title, path, false)
}

function passagesOfText(text: string, title: string, path: string, isQuestion: boolean): Passage[] {
  const used = new Map<string, number>()
  return cutText(text).map((piece) => {
    // An answer to a question is about the question, whatever headings it has.
    const pieceTitle = isQuestion ? title : titleOf(title, piece.heading)
    const count = (used.get(pieceTitle) ?? 0) + 1
    used.set(pieceTitle, count)
    return {
      title: count === 1 ? pieceTitle : `${pieceTitle} (${count})`,
      path,
      text: piece.text,
      isQuestion: isQuestion && count === 1,
    }
  })
}

/** A form asks `Which rules should it know?`; under such a title the heading says all. */
function titleOf(title: string, heading: string): string {
  if (heading === '') return title
  return title.endsWith('?') ? heading : `${title}: ${heading}`
}

function passagesOfList(list: unknown[], title: string, path: string): Passage[] {
  if (list.some(isRecord)) {
    return list.flatMap((entry, at) =>
      isRecord(entry) ? passagesOfEntry(entry, title, `${path}/${at}`) : passagesOf(entry, title, `${path}/${at}`),
    )
  }
  const texts = list.map(asText).filter(Boolean)
  // Short items make sense only together; long ones are texts of their own.
  if (texts.every((text) => text.length < 120)) {
    return passagesOfText(texts.map((text) => `- ${text}`).join('\n'), title, path, false)
  }
  return list.flatMap((item, at) => passagesOfText(asText(item), title, `${path}/${at}`, false))
}

const titleFields = ['question', 'frage', 'title', 'name', 'topic', 'term', 'label', 'subject', 'heading']

function passagesOfEntry(entry: Record<string, unknown>, listTitle: string, path: string): Passage[] {
  const fields = Object.entries(entry)
    .map(([name, value]) => ({ name, text: asText(value) }))
    .filter((field) => field.text !== '')
  const titled = titleFields.map((name) => fields.find((field) => field.name === name)).find((field) => field)
  const titleField = titled ?? fields.find((field) => typeof entry[field.name] === 'string' && field.text.length <= 160)
  const rest = fields.filter((field) => field !== titleField)
  const title = titleField?.text.slice(0, 300) ?? listTitle
  const [only] = rest
  const text =
    rest.length === 1 && only
      ? only.text
      : rest.map((field) => `${words(field.name, true)}: ${field.text}`).join('\n') || (titleField?.text ?? '')
  const isQuestion = titleField?.name === 'question' || titleField?.name === 'frage' || title.endsWith('?')
  return passagesOfText(text, title, path, isQuestion)
}

function asText(value: unknown): string {
  if (typeof value === 'string') return value.trim()
  if (typeof value === 'number') return String(value)
  if (typeof value === 'boolean') return value ? 'Yes' : 'No'
  if (Array.isArray(value)) return value.map(asText).filter(Boolean).join(', ')
  if (isRecord(value)) return Object.values(value).map(asText).filter(Boolean).join(', ')
  return ''
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function words(name: string, isCapitalised = false): string {
  const text = name.replaceAll('_', ' ')
  return isCapitalised ? text.charAt(0).toUpperCase() + text.slice(1) : text
}

const pointerToken = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1')
