import { type OutputUnit, type Schema, Validator } from '@cfworker/json-schema'
import type { Fault } from '../errors.ts'
import type { SettingsSchema } from './capabilities.ts'
import { checkStorable, formatPointer, parsePointer } from './check-storable.ts'

type Setting = SettingsSchema['properties'][string]
type ScalarSetting = Exclude<Setting, { type: 'array' }>

/** More than a person can mend at once; also bounds the answer to a hostile body. */
const maxFaults = 100
/** The largest `maxItems` a schema may ask for, so also the limit of a list that names none. */
const maxListLength = 500

// These three run over text of any length, so each must be linear: no two neighbouring parts may match the same character.
const notBlank = '\\S'
const webAddress = '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s/?#]\\S*$'
const timeOfDay = '^([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d)?$'

/** Faults of the settings of one user agent, in the words of the form; empty when they may be saved. */
export function validateSettings(schema: SettingsSchema, settings: unknown): Fault[] {
  const unstorable = checkStorable(settings)
  // The validator recurses and encodes keys with encodeURI, so it must never see what is not plain, shallow, well-formed JSON.
  if (unstorable.length > 0) return unstorable

  const strict = strictObject(schema.properties, schema.required)
  const { errors } = new Validator(strict, '2020-12', false).validate(settings)
  const faults = new Map<string, Fault>()
  const add = (path: string, message: string) => {
    if (!faults.has(path) && faults.size < maxFaults) faults.set(path, { path, message })
  }
  for (const error of errors) {
    const keys = parsePointer(decodeURIComponent(error.instanceLocation.slice(1)))
    if (error.keyword === 'required') {
      for (const key of missingKeys(strict, settings, error, keys)) add(formatPointer([...keys, key]), fillIn)
    } else {
      const message = explain(error, valueAt(settings, keys), limitOf(strict, error))
      if (message !== null) add(formatPointer(keys), message)
    }
  }
  for (const fault of findDuplicates(schema, settings)) add(fault.path, fault.message)
  return [...faults.values()]
}

const fillIn = 'Please fill this in.'

/** The same schema with what our form promises on top of JSON Schema: nothing unknown, nothing required left blank, lists bounded. */
function strictObject(properties: Record<string, Setting>, required: readonly string[]): Schema {
  return {
    type: 'object',
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, setting]) => [name, strictSetting(setting, required.includes(name))]),
    ),
    required: [...required],
    additionalProperties: false,
  }
}

function strictSetting(setting: Setting, isRequired: boolean): Schema {
  if (setting.type !== 'array') return strictScalar(setting, isRequired)
  const { items } = setting
  return {
    type: 'array',
    items: items.type === 'object' ? strictObject(items.properties, items.required ?? []) : strictScalar(items, true),
    maxItems: setting.maxItems ?? maxListLength,
    minItems: Math.max(setting.minItems ?? 0, isRequired ? 1 : 0),
  }
}

function strictScalar(setting: ScalarSetting, isRequired: boolean): Schema {
  const { title: _title, description: _description, default: _default, format, ...keywords } = setting
  const patterns: string[] = []
  if (setting.type === 'string') {
    if (isRequired) patterns.push(notBlank)
    // The validator's own `time` insists on a time zone and its `uri` lets `javascript:` pass.
    if (format === 'time') patterns.push(timeOfDay)
    if (format === 'uri') patterns.push(webAddress)
  }
  return {
    ...keywords,
    ...(format === 'email' || format === 'date' ? { format } : {}),
    ...(patterns.length > 0 ? { allOf: patterns.map((pattern) => ({ pattern })) } : {}),
  }
}

function explain(error: OutputUnit, value: unknown, limit: unknown): string | null {
  const isBlank = value === null || (typeof value === 'string' && value.trim() === '')
  switch (error.keyword) {
    case 'type':
      return value === null ? fillIn : (typeMessages[String(limit)] ?? 'Has the wrong type.')
    case 'enum':
      return isBlank ? fillIn : `Must be one of: ${Array.isArray(limit) ? limit.join(', ') : limit}.`
    case 'minLength':
      return isBlank ? fillIn : `Must be at least ${count(limit, 'character')}.`
    case 'maxLength':
      return `Must be at most ${count(limit, 'character')}.`
    case 'minimum':
      return `Must be ${limit} or more.`
    case 'maximum':
      return `Must be ${limit} or less.`
    case 'minItems':
      return limit === 1 ? 'Please add at least one entry.' : `Must have at least ${count(limit, 'entry')}.`
    case 'maxItems':
      return `Must have at most ${count(limit, 'entry')}.`
    case 'format':
    case 'pattern':
      return isBlank ? fillIn : (formatMessages[String(limit)] ?? 'Does not have the right form.')
    case 'false':
      return 'This agent has no such setting.'
    default:
      // `properties`, `items`, `allOf`, `additionalProperties`: only say that a fault lies deeper, which is listed too.
      return null
  }
}

const typeMessages: Record<string, string> = {
  string: 'Must be text.',
  number: 'Must be a number.',
  integer: 'Must be a whole number.',
  boolean: 'Must be yes or no (true or false).',
  array: 'Must be a list.',
  object: 'Must be a group of fields.',
}

const formatMessages: Record<string, string> = {
  [notBlank]: fillIn,
  [webAddress]: 'Must be a web address such as https://example.com.',
  [timeOfDay]: 'Must be a time such as 09:30.',
  email: 'Must be an e-mail address such as name@example.com.',
  date: 'Must be a date such as 2027-03-31.',
}

function count(amount: unknown, noun: 'character' | 'entry'): string {
  const plural = noun === 'entry' ? 'entries' : 'characters'
  return `${amount} ${amount === 1 ? noun : plural}`
}

/** Lists with `uniqueItems`, looked through once: the validator compares each pair, which takes time with the square of the length. */
function findDuplicates(schema: SettingsSchema, settings: unknown): Fault[] {
  const faults: Fault[] = []
  for (const [name, setting] of Object.entries(schema.properties)) {
    const list = valueAt(settings, [name])
    if (setting.type !== 'array' || setting.uniqueItems !== true || !Array.isArray(list)) continue
    const seen = new Set<string>()
    for (const [index, item] of list.entries()) {
      const key = JSON.stringify(isObject(item) ? Object.entries(item).sort() : item)
      if (seen.has(key)) faults.push({ path: formatPointer([name, String(index)]), message: 'Is already in the list.' })
      seen.add(key)
    }
  }
  return faults
}

function missingKeys(schema: Schema, settings: unknown, error: OutputUnit, keys: string[]): string[] {
  const value = valueAt(settings, keys)
  const required = limitOf(schema, error)
  if (!isObject(value) || !Array.isArray(required)) return []
  return required.filter((key) => !Object.hasOwn(value, key))
}

/** What the schema says under the keyword that failed, e.g. 200 for a `maxLength`. */
function limitOf(schema: Schema, error: OutputUnit): unknown {
  return error.keyword === 'false'
    ? false
    : valueAt(schema, parsePointer(decodeURIComponent(error.keywordLocation.slice(1))))
}

function valueAt(root: unknown, keys: readonly string[]): unknown {
  let value = root
  for (const key of keys) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
