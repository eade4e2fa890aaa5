import { ApiError } from '../../../api-client/src/api-error.ts'
import type { RunMessage, RunMetadata } from './run-message.ts'

/**
 * The messages after a request ended, with the end written into its answer.
 * `answer` is null when the request was refused or lost before any answer began.
 */
export function endMessages(
  messages: RunMessage[],
  end: { isAbort: boolean; error: Error | undefined },
): { messages: RunMessage[]; answer: RunMessage | null } {
  const last = messages.at(-1)
  if (last?.role === 'assistant') {
    const answer = { ...last, metadata: { ...last.metadata, ...endOf(last.metadata ?? {}, end) } }
    return { messages: [...messages.slice(0, -1), answer], answer }
  }
  if (!end.isAbort) return { messages, answer: null }
  const stopped: RunMessage = {
    id: `${last?.id ?? 'first'}-stopped`,
    role: 'assistant',
    parts: [],
    metadata: { status: 'cancelled' },
  }
  return { messages: [...messages, stopped], answer: stopped }
}

function endOf(metadata: RunMetadata, { isAbort, error }: { isAbort: boolean; error: Error | undefined }): RunMetadata {
  if (isAbort) return { status: 'cancelled' }
  if (error)
    return { ...wordsOf(error), ...(metadata.error_title ? metadata : {}), status: metadata.status ?? 'failed' }
  // A stream that ended without saying how: the log knows, and is asked until it does.
  return metadata.status === undefined && metadata.run_id ? { status: 'running' } : {}
}

function wordsOf(error: Error): RunMetadata {
  if (error instanceof ApiError) return { error_title: error.title, error_action: error.detail }
  // The browser's own error of a broken body, with other words in each browser.
  if (error instanceof TypeError) {
    return {
      error_title: 'The connection was lost in the middle of the answer.',
      error_action: 'What came so far is kept. Check your connection, then try again.',
    }
  }
  return { error_title: error.message, error_action: 'What came so far is kept. Try again.' }
}
