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

export function refuse(faults: Fault[]): never {
  throw new AppError('invalid_integration', { faults })
}

/**
 * Faults of credentials that were entered for one server and would now go to another: else whoever has the account's
 * session, but not its passwords, could have them sent to himself.
 */
export function findMovedCredentials(
  type: IntegrationType,
  { before, after, stored, entered }: { before: Settings; after: Settings; stored: Credentials; entered: object },
): Fault[] {
  if (!leadsElsewhere(type, before, after)) return []
  return Object.keys(stored)
    .filter((name) => !(name in entered))
    .map((name) => ({
      path: `/credentials/${name}`,
      message: 'Please enter this again: it would be sent to another place than before.',
    }))
}

/** A list that only got shorter leads nowhere new. */
function leadsElsewhere({ destination }: IntegrationType, before: Settings, after: Settings): boolean {
  return destination.some((name) => {
    const [former, present] = [before[name], after[name]]
    if (Array.isArray(former) && Array.isArray(present)) return present.some((entry) => !former.includes(entry))
    return former !== present
  })
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
  if (leadsElsewhere(type, before, after) || !needsOAuth(type, after)) return {}
  return Object.fromEntries(Object.entries(credentials).filter(([name]) => !(name in type.credentials.properties)))
}
