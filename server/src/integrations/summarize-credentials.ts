import type { ConnectionForm, Credentials } from './integration-type.ts'

/** Of shorter ones, which people make up themselves, four characters would tell too much. */
const minLengthToShow = 20

/**
 * What the API may tell about credentials: which fields of the form are set, the last four characters of long secrets at
 * most, and `oauth` once somebody signed in.
 */
export function summarizeCredentials(form: ConnectionForm, credentials: Credentials): Record<string, string> {
  const names = Object.keys(form.properties).filter((name) => isSet(credentials[name]))
  const summary = Object.fromEntries(names.map((name) => [name, hint(credentials[name])]))
  return credentials.oauth ? { ...summary, oauth: '' } : summary
}

const isSet = (value: unknown) => value !== undefined && value !== null && value !== ''

function hint(value: unknown): string {
  if (typeof value !== 'string') return ''
  const characters = [...value.trimEnd()]
  return characters.length >= minLengthToShow ? `…${characters.slice(-4).join('')}` : ''
}
