import type { Capabilities, Settings } from '../../agents/capabilities.ts'
import type { RunMemories } from '../run-memories.ts'
import type { Citation } from '../run-types.ts'
import type { ToolContext } from './run-tool.ts'

/** Memories of a run that has no database; they are gone with it. */
export function createTestMemories(): RunMemories {
  const kept: { content: string; is_untrusted: boolean; created_at: Date }[] = []
  return {
    async remember(content, isUntrusted) {
      kept.push({ content, is_untrusted: isUntrusted, created_at: new Date('2026-01-01T00:00:00Z') })
      return { isNew: true, count: kept.length }
    },
    recall: async (_query, limit) => kept.slice(0, limit),
  }
}

export function createTestContext(
  of: { settings: Settings; capabilities: Capabilities },
  citations: Citation[] = [],
): ToolContext {
  return {
    ...of,
    signal: new AbortController().signal,
    memories: createTestMemories(),
    hasUntrusted: false,
    addCitation: (citation) => citations.push({ number: citations.length + 1, ...citation }),
    markUntrusted: () => {},
    findTools: () => [],
  }
}
