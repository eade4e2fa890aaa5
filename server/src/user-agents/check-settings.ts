import type { SettingsSchema } from '../agents/capabilities.ts'
import { validateSettings } from '../agents/validate-settings.ts'
import type { Fault } from '../errors.ts'
import { withDefaults } from './with-defaults.ts'

/** The settings with defaults put in, and their faults under `/settings`; they may be saved when there are none. */
export function checkSettings(
  schema: SettingsSchema,
  given: Record<string, unknown>,
): { settings: Record<string, unknown>; faults: Fault[] } {
  const settings = withDefaults(schema, given)
  const faults = validateSettings(schema, settings).map(({ path, message }) => ({ path: `/settings${path}`, message }))
  return { settings, faults }
}
