import { createContext, Script } from 'node:vm'
import { type Schema, Validator } from '@cfworker/json-schema'

const validators = new WeakMap<object, Validator>()

export interface JsonFault {
  /** JSON pointer into the value; empty for the value itself. */
  path: string
  message: string
}

/** What of a value does not fit a JSON Schema; at most five faults. For schemas of our own. */
export function checkJson(schema: object, value: unknown): JsonFault[] {
  let validator = validators.get(schema)
  if (!validator) {
    validator = new Validator(schema as Schema, draftOf(schema), false)
    validators.set(schema, validator)
  }
  const { valid, errors } = validator.validate(value)
  if (valid) return []
  const faults = new Map(
    errors.map(({ instanceLocation, error }) => {
      const path = instanceLocation.replace(/^#/, '')
      return [`${path} ${error}`, { path, message: error.slice(0, 500) }]
    }),
  )
  return [...faults.values()].slice(0, 5)
}

const longestCheckMs = 1000
let foreignCheck = () => {}
const context = createContext({ check: () => foreignCheck() })
const script = new Script('check()')

/**
 * The same for a schema of somebody else's server: references that multiply each other or lead in a circle, and lists
 * whose items are all compared, would keep this server from everything else. V8 ends what takes too long.
 */
export function checkForeignJson(schema: object, value: unknown): JsonFault[] {
  let faults: JsonFault[] = []
  foreignCheck = () => {
    faults = checkJson(schema, value)
  }
  try {
    script.runInContext(context, { timeout: longestCheckMs })
    return faults
  } catch {
    return [{ path: '', message: 'Cannot be checked: the schema of the tool is broken, or takes too long.' }]
  } finally {
    foreignCheck = () => {}
  }
}

export function describeFaults(faults: JsonFault[]): string {
  return faults.map(({ path, message }) => `${path || '/'}: ${message}`).join(' ')
}

function draftOf(schema: object): '7' | '2020-12' {
  return '$schema' in schema && String(schema.$schema).includes('2020-12') ? '2020-12' : '7'
}
