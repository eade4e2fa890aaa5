import { createId } from '../database/uuid-v7.ts'
import type { NewRun, RunEnd } from './run-log-queries.ts'

/** A run that began at this moment; `createIdWithTime` only goes forward. */
export function newTestRun(moment: Date, userAgentId: string, conversationId: string | null = null): NewRun {
  const hex = moment.getTime().toString(16).padStart(12, '0')
  return {
    id: `${hex.slice(0, 8)}-${hex.slice(8)}${createId().slice(13)}`,
    timestamp: moment,
    userAgentId,
    conversationId,
    input: 'Hello',
    source: 'api',
    nodeId: createId(),
    defaultModel: 'test/model',
    metadata: {},
    knownSettingsVersion: null,
  }
}

/** It has ended well, with a token in and one out. */
export const endOfTestRun = ({ id, timestamp }: Pick<NewRun, 'id' | 'timestamp'>, output: string): RunEnd => ({
  id,
  timestamp,
  outcome: {
    output,
    status: 'succeeded',
    error_code: null,
    error_detail: null,
    retry_after_seconds: null,
    steps: [],
    citations: [],
    input_tokens: 1,
    output_tokens: 1,
    finish_reason: 'stop',
    is_sanitised: false,
    has_untrusted: false,
  },
  model: 'test/model',
  costUsd: null,
  latencyMs: 1,
  metadata: { finish_reason: 'stop' },
})
