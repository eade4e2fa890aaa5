import type { Agent } from '../../../api-client/src/api-types.ts'
import type { Capabilities } from '../../../server/src/agents/capabilities.ts'
import { parsePointer } from '../../../server/src/agents/check-storable.ts'
import type { AgentType } from '../../../server/src/catalogue/catalogue-schemas.ts'
import type { FormValue } from '../settings-form/form-value.ts'
import { withoutEmpty } from '../settings-form/settings-validator.ts'
import { type FieldDraft, nameFromTitle, toFieldDrafts, toSettingsSchema } from './field-drafts.ts'

/** An agent while its creator edits it. */
export interface AgentDraft {
  name: string
  type: AgentType
  description: string
  instructions: string
  fields: FieldDraft[]
  /** Keys of the fields that are searched. */
  knowledgeKeys: string[]
  starters: string[]
  tools: Capabilities['tools']
  example: FormValue
  changeSummary: string
  /** Parts this editor does not show. */
  rest: Pick<Capabilities, 'integrations' | 'model'>
}

export const emptyAgentDraft: AgentDraft = {
  name: '',
  type: 'other',
  description: '',
  instructions: '',
  fields: [],
  knowledgeKeys: [],
  starters: [],
  tools: [],
  example: {},
  changeSummary: '',
  rest: { integrations: [], model: { needs_tools: false } },
}

export function toAgentDraft(agent: Agent): AgentDraft {
  const { instructions, settings, example_settings, starters, tools, knowledge, integrations, model } =
    agent.capabilities
  return {
    name: agent.name,
    type: agent.type as AgentType,
    description: agent.description,
    instructions,
    fields: toFieldDrafts(settings),
    knowledgeKeys: knowledge,
    starters,
    tools,
    example: example_settings,
    changeSummary: '',
    rest: { integrations, model },
  }
}

export function toCapabilities(draft: AgentDraft): Capabilities {
  const names = new Map(draft.fields.map((field) => [field.key, field.name]))
  const example = withoutEmpty(draft.example)
  return {
    instructions: draft.instructions,
    settings: toSettingsSchema(draft.fields),
    example_settings: Object.fromEntries(
      Object.entries(example).filter(([name]) => [...names.values()].includes(name)),
    ) as Capabilities['example_settings'],
    starters: draft.starters.map((starter) => starter.trim()).filter((starter) => starter !== ''),
    tools: draft.tools,
    knowledge: draft.knowledgeKeys.flatMap((key) => names.get(key) ?? []),
    ...draft.rest,
  }
}

/** Changes one field; when that renames it, its placeholders and its example go along. */
export function changeField(draft: AgentDraft, key: string, part: Partial<FieldDraft>): AgentDraft {
  const before = draft.fields.find((field) => field.key === key)
  if (before === undefined) return draft
  const taken = draft.fields.filter((field) => field.key !== key).map((field) => field.name)
  const title = part.title ?? before.title
  const name = before.isSaved ? before.name : nameFromTitle(title, taken)
  const fields = draft.fields.map((field) => (field.key === key ? { ...field, ...part, name } : field))
  // The example of another kind of field would be of the wrong type.
  const dropsExample = part.kind !== undefined && part.kind !== before.kind
  return {
    ...draft,
    fields,
    instructions: draft.instructions.replaceAll(placeholderOf(before.name), placeholderOf(name)),
    example: Object.fromEntries(
      Object.entries(draft.example).flatMap(([other, value]) =>
        other !== before.name ? [[other, value]] : dropsExample ? [] : [[name, value]],
      ),
    ),
  }
}

export function placeholderOf(name: string): string {
  return `{{settings.${name}}}`
}

/** The form as it stands, also while a question has no words yet. */
export function toPreviewSchema(fields: readonly FieldDraft[]): Capabilities['settings'] {
  return toSettingsSchema(
    fields.map((field) => ({
      ...field,
      title: field.title.trim() || 'Untitled question',
      // The form refuses a choice without choices.
      kind: field.kind === 'choice' && field.choices.length === 0 ? 'text' : field.kind,
    })),
  )
}

/** Whether two drafts say the same at the place of a fault, such as `/settings/properties/tone` or `/example_settings/tone`. */
export function isSameAt(path: string, before: AgentDraft, after: AgentDraft): boolean {
  return JSON.stringify(partAt(path, before)) === JSON.stringify(partAt(path, after))
}

function partAt(path: string, draft: AgentDraft): unknown {
  const [part = '', second = '', third = ''] = parsePointer(path)
  switch (part) {
    case 'settings':
      return draft.fields.find((field) => field.name === third) ?? draft.fields
    case 'example_settings':
      return [draft.example[second], draft.fields.find((field) => field.name === second)]
    case 'starters':
      return draft.starters[Number(second)]
    case 'tools':
    case 'knowledge':
      return [draft.tools, draft.knowledgeKeys]
    case 'change_summary':
      return draft.changeSummary
    case 'name':
    case 'type':
    case 'description':
    case 'instructions':
      return draft[part]
    default:
      return draft
  }
}
