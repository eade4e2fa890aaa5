import type { Fault } from '../errors.ts'
import type { Capabilities, SettingsSchema } from './capabilities.ts'
import { listPlaceholders, withoutPlaceholders } from './render-instructions.ts'
import { validateSettings } from './validate-settings.ts'

type Setting = SettingsSchema['properties'][string]
type ListSetting = Extract<Setting, { type: 'array' }>
type ScalarSetting = Exclude<Setting, { type: 'array' }>

/** Faults between the parts of an agent, which `capabilitiesSchema` cannot see as it reads each part alone; empty when it can be published. */
export function checkCapabilities(capabilities: Capabilities): Fault[] {
  const { settings, example_settings: example } = capabilities
  return [
    ...checkInstructions(capabilities),
    ...checkKnowledge(capabilities),
    ...checkSettingsSchema(settings),
    // No example at all is allowed; half an example is not.
    ...(Object.keys(example).length > 0 ? below('/example_settings', validateSettings(settings, example)) : []),
  ]
}

function checkInstructions({ instructions, settings }: Capabilities): Fault[] {
  const path = '/instructions'
  const faults = listPlaceholders(instructions)
    .filter((name) => !Object.hasOwn(settings.properties, name))
    .map((name) => ({ path, message: `There is no setting "${name}" for the placeholder {{settings.${name}}}.` }))
  const stray = /\{\{[^{}\n]{0,60}\}?\}?/.exec(withoutPlaceholders(instructions))
  if (stray)
    faults.push({ path, message: `"${stray[0]}" is not a placeholder; write {{settings.name_of_the_setting}}.` })
  return faults
}

function checkKnowledge({ knowledge, tools, settings }: Capabilities): Fault[] {
  const faults: Fault[] = []
  for (const [index, name] of knowledge.entries()) {
    const path = `/knowledge/${index}`
    const setting = Object.hasOwn(settings.properties, name) ? settings.properties[name] : undefined
    if (setting === undefined) faults.push({ path, message: `There is no setting "${name}".` })
    else if (setting.type !== 'string' && setting.type !== 'array') {
      faults.push({ path, message: `The setting "${name}" holds no text to search.` })
    } else if (knowledge.indexOf(name) < index) faults.push({ path, message: `"${name}" is listed twice.` })
  }
  if (knowledge.length > 0 && !tools.includes('search_knowledge')) {
    faults.push({
      path: '/tools',
      message: 'Add the tool search_knowledge, or the texts under "knowledge" are never read.',
    })
  }
  return faults
}

function checkSettingsSchema({ properties, required }: SettingsSchema): Fault[] {
  return [
    ...checkRequired('/settings', properties, required),
    ...Object.entries(properties).flatMap(([name, setting]) => {
      const path = `/settings/properties/${name}`
      return setting.type === 'array' ? checkList(path, setting) : checkScalar(path, setting)
    }),
  ]
}

function checkRequired(path: string, properties: object, required: readonly string[]): Fault[] {
  return required.flatMap((name, index) =>
    Object.hasOwn(properties, name)
      ? []
      : [{ path: `${path}/required/${index}`, message: `There is no field "${name}" to require.` }],
  )
}

function checkList(path: string, setting: ListSetting): Fault[] {
  const { items } = setting
  return [
    ...checkRange(path, setting, 'minItems', 'maxItems'),
    ...(items.type === 'object'
      ? [
          ...checkRequired(`${path}/items`, items.properties, items.required ?? []),
          ...Object.entries(items.properties).flatMap(([name, field]) =>
            checkScalar(`${path}/items/properties/${name}`, field),
          ),
        ]
      : checkScalar(`${path}/items`, items)),
    ...checkDefault(path, setting),
  ]
}

function checkScalar(path: string, setting: ScalarSetting): Fault[] {
  const wanted = setting.type === 'integer' ? 'number' : setting.type
  return [
    ...checkRange(path, setting, 'minLength', 'maxLength'),
    ...checkRange(path, setting, 'minimum', 'maximum'),
    ...(setting.enum ?? []).flatMap((choice, index) =>
      typeof choice === wanted ? [] : [{ path: `${path}/enum/${index}`, message: `Must be of the type ${wanted}.` }],
    ),
    ...checkDefault(path, setting),
  ]
}

function checkRange<Key extends string>(
  path: string,
  setting: { [key in Key]?: number },
  low: Key,
  high: Key,
): Fault[] {
  const [from, to] = [setting[low], setting[high]]
  return from !== undefined && to !== undefined && from > to
    ? [{ path: `${path}/${low}`, message: `Must not be more than ${high}, or nothing fits.` }]
    : []
}

/** A default the form would refuse locks the person out of a form they never touched. */
function checkDefault(path: string, setting: Setting): Fault[] {
  if (setting.default === undefined) return []
  const alone: SettingsSchema = { type: 'object', properties: { value: setting }, required: [] }
  return validateSettings(alone, { value: setting.default }).map((fault) => ({
    path: fault.path.replace(/^\/value/, `${path}/default`),
    message: fault.message,
  }))
}

function below(path: string, faults: Fault[]): Fault[] {
  return faults.map((fault) => ({ path: `${path}${fault.path}`, message: fault.message }))
}
