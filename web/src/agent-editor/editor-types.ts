import type { AgentDraft } from './agent-draft.ts'

/** What every part of the editor gets. */
export interface EditorSectionProps {
  draft: AgentDraft
  change: (part: Partial<AgentDraft> | ((draft: AgentDraft) => AgentDraft)) => void
  /** The fault at exactly this place, or below it when `isDeep`; paths as in `/instructions` or `/settings/properties/tone`. */
  faultAt: (path: string, isDeep?: boolean) => string | undefined
}
