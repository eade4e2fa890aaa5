import type { Settings, SettingsSchema } from './capabilities.ts'

type Setting = SettingsSchema['properties'][string]

/** Source of the placeholder syntax; made into a new RegExp for each use, because a shared one with `g` remembers its place. */
const placeholderSource = '\\{\\{[ \\t]*settings\\.([a-z][a-z0-9_]*)[ \\t]*\\}\\}'

/** Names of the settings a template asks for, each once, in order. */
export function listPlaceholders(template: string): string[] {
  const names = [...template.matchAll(new RegExp(placeholderSource, 'g'))].map((match) => match[1] ?? '')
  return [...new Set(names)]
}

/** The text with every well-formed placeholder taken out. */
export function withoutPlaceholders(text: string): string {
  return text.replace(new RegExp(placeholderSource, 'g'), '')
}

/**
 * The instructions of an agent with the settings put in. A setting that is absent counts with its default. Values are put in
 * once and never read again, so `{{...}}` inside a value stays plain text. A line that holds nothing but a label and empty
 * placeholders is left out, and so is a heading under which nothing else stood.
 */
export function renderInstructions(template: string, settings: Settings, schema: SettingsSchema): string {
  const lines = template.split('\n').map((line) => renderLine(line, settings, schema))
  return lines
    .filter((line, index) => line.text !== null && !isHeadingOfNothing(lines, index))
    .map((line) => line.text)
    .join('\n')
    .replace(/^\n+|\n+$/g, '')
}

interface Line {
  template: string
  /** null: left out. */
  text: string | null
}

function renderLine(template: string, settings: Settings, schema: SettingsSchema): Line {
  const names = listPlaceholders(template)
  const values = new Map(names.map((name) => [name, renderValue(own(settings, name), own(schema.properties, name))]))
  const isEmpty = names.length > 0 && [...values.values()].every((value) => value === '')
  if (isEmpty && isLabel(withoutPlaceholders(template))) return { template, text: null }
  // The blanks before a placeholder belong to the match, so that they go when a list moves to a line of its own.
  const withBlanks = new RegExp(`([ \\t]*)${placeholderSource}([ \\t]*)`, 'g')
  const text = template.replace(withBlanks, (match, left: string, name: string, right: string, offset: number) => {
    const value = values.get(name) ?? ''
    const [isFirst, isLast] = [offset === 0, offset + match.length === template.length]
    if (!isBlock(value)) return `${left}${value}${right}`
    // A Markdown list is only read as one when it begins on a line of its own.
    return `${isFirst ? '' : '\n'}${value}${isLast ? '' : '\n'}`
  })
  return { template, text }
}

/** True for `- **Phone:** ` and for nothing at all: text that says nothing when no value follows. */
function isLabel(text: string): boolean {
  return text.trim() === '' || /^[^:]*:[^\p{L}\p{N}]*$/u.test(text)
}

function isHeadingOfNothing(lines: readonly Line[], index: number): boolean {
  if (!isHeading(lines[index])) return false
  let isAnyLeftOut = false
  for (const line of lines.slice(index + 1)) {
    if (isHeading(line)) break
    if (line.text === null) isAnyLeftOut = true
    else if (line.text.trim() !== '') return false
  }
  return isAnyLeftOut
}

function isHeading(line: Line | undefined): boolean {
  return line !== undefined && /^#{1,6} /.test(line.template)
}

function isBlock(value: string): boolean {
  return value.startsWith('- ') || value.includes('\n')
}

function renderValue(given: unknown, setting: Setting | undefined): string {
  const value = given === undefined ? setting?.default : given
  if (Array.isArray(value)) {
    const properties = setting?.type === 'array' && setting.items.type === 'object' ? setting.items.properties : {}
    return value
      .map((item) => renderItem(item, properties))
      .filter((item) => item !== '')
      .map((item) => `- ${indent(item)}`)
      .join('\n')
  }
  return renderScalar(value)
}

function renderItem(item: unknown, properties: Record<string, { title: string }>): string {
  if (typeof item !== 'object' || item === null) return renderScalar(item)
  const fields = item as Record<string, unknown>
  // In the order of the form, whatever order the JSON has.
  const names = [...new Set([...Object.keys(properties), ...Object.keys(fields)])]
  return names
    .map((name) => {
      const value = renderScalar(own(fields, name))
      const title = own(properties, name)?.title ?? name
      return value === '' ? '' : `${title.replace(/[:?]$/, '')}: ${value}`
    })
    .filter((line) => line !== '')
    .join('\n')
}

function renderScalar(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' ? value.trim() : ''
}

/** A creator may name a setting `constructor`, which every object answers to. */
function own<Value>(record: Record<string, Value>, name: string): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}

function indent(text: string): string {
  return text.replaceAll('\n', '\n  ')
}
