import { hasListedTools, ownTools } from '../integrations/integration-tools.ts'
import type { ConnectionForm, FormField, IntegrationType } from '../integrations/integration-type.ts'

/** The list in docs/integrations.md. */
export function listIntegrationTypes(types: readonly IntegrationType[]): string {
  const rows = types.map(
    ({ type, title, description }) => `| [${title}](integrations/${type}.md) | ${cell(description)} |`,
  )
  return ['| Type | What for |', '|---|---|', ...rows].join('\n')
}

/** The page of one type. */
export function describeIntegrationType(type: IntegrationType): string {
  return [
    `# ${type.title}`,
    '',
    `${type.description} Type \`${type.type}\`. Made by \`npm run docs\`; docs/integrations.md says what holds for all types.`,
    '',
    type.documentation.trim(),
    '',
    ...describeForm('Settings', type.settings),
    ...describeForm('Credentials', type.credentials),
    ...describeScopes(type),
    ...describeTools(type),
  ].join('\n')
}

function describeForm(title: string, form: ConnectionForm): string[] {
  const rows = Object.entries(form.properties).map(
    ([name, field]) =>
      `| \`${name}\` | ${cell(field.title)} | ${form.required.includes(name) ? 'yes' : 'no'} | ${cell(noteOf(field))} |`,
  )
  if (rows.length === 0) return []
  return [`## ${title}`, '', '| Field | Question | Required | Notes |', '|---|---|---|---|', ...rows, '']
}

function noteOf(field: FormField): string {
  const { shown_when: condition } = field
  return [
    field.description ?? '',
    field.type !== 'array' && field.enum
      ? `One of ${field.enum.map((value) => choiceOf(field, value)).join(field.enum_titles ? '; ' : ', ')}.`
      : '',
    field.default === undefined ? '' : `Left out: \`${JSON.stringify(field.default)}\`.`,
    condition ? `Only with \`${condition.field}\` ${condition.is.map((value) => `\`${value}\``).join(' or ')}.` : '',
  ]
    .filter(Boolean)
    .map((text) => (/[.!?]$/.test(text) ? text : `${text}.`))
    .join(' ')
}

function choiceOf({ enum_titles }: FormField, value: string | number): string {
  const title = enum_titles?.[value]
  return title === undefined ? `\`${value}\`` : `\`${value}\`: ${title}`
}

function describeScopes({ scopes }: IntegrationType): string[] {
  if (scopes.length === 0) return []
  const rows = scopes.map(({ name, reason }) => `| \`${name}\` | ${cell(reason)} |`)
  return ['## Rights it needs', '', '| Right | What for |', '|---|---|', ...rows, '']
}

function describeTools(type: IntegrationType): string[] {
  if (hasListedTools(type))
    return [
      '## Tools',
      '',
      'Its server lists them. They are listed anew with each test, and about every hour in use.',
      '',
    ]
  const rows = ownTools(type).map(
    ({ name, description, effect }) => `| \`${name}\` | ${effect} | ${cell(description)} |`,
  )
  return ['## Tools', '', '| Tool | Effect | What models are told |', '|---|---|---|', ...rows, '']
}

const cell = (text: string) => text.replaceAll('\n', ' ').replaceAll('|', '\\|')
