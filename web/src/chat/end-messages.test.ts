import { expect, test } from 'vitest'
import { ApiError } from '../../../api-client/src/api-error.ts'
import { endMessages } from './end-messages.ts'
import type { RunMessage, RunMetadata } from './run-message.ts'

const question: RunMessage = { id: 'q', role: 'user', parts: [{ type: 'text', text: 'Hello' }] }
const answerWith = (metadata: RunMetadata): RunMessage => ({ id: 'run', role: 'assistant', parts: [], metadata })
const ended = { isAbort: false, error: undefined }

test('an answer that came whole stays as it is', () => {
  const metadata = { run_id: 'run', status: 'succeeded' as const }
  expect(endMessages([question, answerWith(metadata)], ended).answer?.metadata).toEqual(metadata)
})

test('a stream that ended without saying how leaves the run to be looked up', () => {
  expect(endMessages([question, answerWith({ run_id: 'run' })], ended).answer?.metadata?.status).toBe('running')
})

test('a request that was refused has no answer, and its question is still there', () => {
  const error = new ApiError({ status: 429, code: 'too_many_runs', title: 'Too many.', detail: 'Wait.' })
  expect(endMessages([question], { isAbort: false, error })).toEqual({ messages: [question], answer: null })
})

test('an answer stopped before its first word says that it was stopped', () => {
  const { messages, answer } = endMessages([question], { isAbort: true, error: undefined })
  expect(answer?.metadata?.status).toBe('cancelled')
  expect(messages).toHaveLength(2)
})

test('what the server said about a failure wins over the words of the browser', () => {
  const told = answerWith({
    run_id: 'run',
    status: 'failed',
    error_title: 'The model is slow.',
    error_action: 'Retry.',
  })
  const error = new TypeError('network error')
  expect(endMessages([question, told], { isAbort: false, error }).answer?.metadata?.error_title).toBe(
    'The model is slow.',
  )
  const cut = endMessages([question, answerWith({ run_id: 'run' })], { isAbort: false, error }).answer?.metadata
  expect(cut?.error_title).toContain('connection was lost')
  expect(cut?.status).toBe('failed')
})
