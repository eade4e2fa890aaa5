import type { Settings } from '../agents/capabilities.ts'
import { AppError, type Fault } from '../errors.ts'
import { checkForm } from './check-form.ts'
import { findIntegrationType, type IntegrationServices } from './integration-services.ts'
import type { Credentials, IntegrationType } from './integration-type.ts'
import { needsOAuth } from './stored-credentials.ts'

export interface AcceptedIntegration {
  settings: Settings
  credentials: Credentials
  /** What was made for the owner, who sees it this once. */
  madeCredentials: Record<string, string>
}

/** Throws `invalid_integration` when there is no such type. */
export function getIntegrationType(
  services: Pick<IntegrationServices, 'integrationTypes'>,
  name: string,
): IntegrationType {
  const type = findIntegrationType(services, name)
  if (!type) refuse([{ path: '/type', message: 'There is no such type.' }])
  return type
}

/** What was entered, checked by the forms and the type, with defaults. Throws `invalid_integration` with every fault. */
export function acceptIntegration(
  type: IntegrationType,
  entered: { settings: Record<string, unknown>; credentials: Record<string, unknown> },
): AcceptedIntegration {
  const { values: settings, faults } = checkForm(type.settings, entered.settings, {
    settings: entered.settings,
    path: '/settings',
  })
  const form = checkForm(type.credentials, entered.credentials, { settings, path: '/credentials' })
  faults.push(...form.faults)
  let credentials: Credentials = form.values
  if (faults.length === 0) {
    const made = type.makeCredentials?.({ settings, credentials }) ?? {}
    credentials = { ...credentials, ...made }
    faults.push(...(type.check?.({ settings, credentials }) ?? []))
    if (faults.length === 0) return { settings, credentials, madeCredentials: made as Record<string, string> }
  }
  refuse(faults)
}

function refuse(faults: Fault[]): never {
  throw new AppError('invalid_integration', { faults })
}

/**
 * What belongs to credentials besides the form: tokens, and what came with the sign-in. Nothing once the connection leads to
 * another server or does not sign in any more: they were for the old one.
 */
export function keptBesideForm(
  type: IntegrationType,
  credentials: Credentials,
  { before, after }: { before: Settings; after: Settings },
): Credentials {
  const leadsElsewhere = Object.entries(type.settings.properties).some(
    ([name, field]) => field.type !== 'array' && field.format === 'uri' && before[name] !== after[name],
  )
  if (leadsElsewhere || !needsOAuth(type, after)) return {}
  return Object.fromEntries(Object.entries(credentials).filter(([name]) => !(name in type.credentials.properties)))
}
