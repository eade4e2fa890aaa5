import type { SettingsSchema } from '../../../server/src/agents/capabilities.ts'

export type Setting = SettingsSchema['properties'][string]

export const fieldKinds = ['text', 'long_text', 'number', 'yes_no', 'choice', 'list', 'questions', 'other'] as const
export type FieldKind = (typeof fieldKinds)[number]

/** One field of a set-up form, as the creator edits it. */
export interface FieldDraft {
  /** Stays the same while the field is moved and renamed. */
  key: string
  /** The name in the settings, as in `{{settings.name}}`. */
  name: string
  /** Saved names never change: the answers of those who configured the agent hang on them. */
  isSaved: boolean
  title: string
  kind: FieldKind
  help: string
  isRequired: boolean
  /** As text; empty for none. */
  defaultValue: string
  choices: string[]
  /** What was loaded, so that keywords this editor does not show (lengths, formats) survive. */
  original: Setting | null
}

export function newField(key: string): FieldDraft {
  return {
    key,
    name: '',
    isSaved: false,
    title: '',
    kind: 'text',
    help: '',
    isRequired: false,
    defaultValue: '',
    choices: [],
    original: null,
  }
}

export function toFieldDrafts(schema: SettingsSchema): FieldDraft[] {
  return Object.entries(schema.properties).map(([name, setting]) => ({
    key: name,
    name,
    isSaved: true,
    title: setting.title,
    kind: kindOf(setting),
    help: setting.description ?? '',
    isRequired: schema.required.includes(name),
    defaultValue: setting.default === undefined || Array.isArray(setting.default) ? '' : String(setting.default),
    choices: setting.type !== 'array' ? (setting.enum ?? []).map(String) : [],
    original: setting,
  }))
}

export function toSettingsSchema(fields: readonly FieldDraft[]): SettingsSchema {
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map((field) => [field.name, toSetting(field)])),
    required: fields.filter((field) => field.isRequired).map((field) => field.name),
  }
}

function kindOf(setting: Setting): FieldKind {
  if (setting.type === 'array') {
    if (setting.items.type === 'string' && !setting.items.enum) return 'list'
    if (setting.items.type !== 'object') return 'other'
    return Object.keys(setting.items.properties).join() === 'question,answer' ? 'questions' : 'other'
  }
  if (setting.type === 'boolean') return 'yes_no'
  if (setting.enum) return setting.type === 'string' ? 'choice' : 'other'
  if (setting.type !== 'string') return 'number'
  return setting.format === 'textarea' ? 'long_text' : setting.format === undefined ? 'text' : 'other'
}

function toSetting(field: FieldDraft): Setting {
  const { original } = field
  const base = original !== null && kindOf(original) === field.kind ? original : freshSetting(field.kind)
  const { title: _title, description: _description, ...rest } = base
  const words = { title: field.title.trim(), ...(field.help.trim() ? { description: field.help.trim() } : {}) }
  if (rest.type === 'array') return { ...rest, ...words }
  const { default: before, enum: _choices, ...keywords } = rest
  // A kind without an editor for its default keeps the one it came with.
  const value = field.kind === 'other' ? before : parseDefault(field)
  const choices = field.kind === 'other' ? _choices : field.kind === 'choice' ? field.choices : undefined
  return {
    ...keywords,
    ...words,
    ...(choices === undefined ? {} : { enum: choices }),
    ...(value === undefined ? {} : { default: value }),
  }
}

function freshSetting(kind: FieldKind): Setting {
  const title = ''
  switch (kind) {
    case 'long_text':
      return { type: 'string', title, format: 'textarea', maxLength: 20_000 }
    case 'number':
      return { type: 'number', title }
    case 'yes_no':
      return { type: 'boolean', title }
    case 'list':
      return { type: 'array', title, items: { type: 'string', title: 'Entry', maxLength: 500 }, maxItems: 200 }
    case 'questions':
      return { type: 'array', title, items: questionAndAnswer, maxItems: 200 }
    case 'choice':
      return { type: 'string', title }
    default:
      return { type: 'string', title, maxLength: 500 }
  }
}

const questionAndAnswer = {
  type: 'object' as const,
  title: 'Question and answer',
  properties: {
    question: { type: 'string' as const, title: 'Question', maxLength: 300 },
    answer: { type: 'string' as const, title: 'Answer', format: 'textarea' as const, maxLength: 4000 },
  },
  required: ['question', 'answer'],
}

function parseDefault({ kind, defaultValue }: FieldDraft): string | number | boolean | undefined {
  if (defaultValue === '') return undefined
  if (kind === 'yes_no') return defaultValue === 'true'
  if (kind === 'number') return Number.isFinite(Number(defaultValue)) ? Number(defaultValue) : undefined
  return defaultValue
}

/** A name for the settings out of the question a person reads: "What is your shop called?" gives `what_is_your_shop_called`. */
export function nameFromTitle(title: string, taken: readonly string[]): string {
  const words = title
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[^a-z]+|_+$/g, '')
    .slice(0, 40)
    .replace(/_+$/, '')
  const base = words === '' ? 'field' : words
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? base : `${base}_${number}`
    if (!taken.includes(name)) return name
  }
}
