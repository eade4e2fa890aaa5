import { describe, expect, test } from 'vitest'
import type { AgentLog } from '../../../api-client/src/api-types.ts'
import { messagesOfLogs } from './log-messages.ts'
import { textOf, toolCallOf } from './run-message.ts'

function logOf(more: Partial<AgentLog>): AgentLog {
  return {
    id: 'run-1',
    timestamp: '2026-11-22T09:30:00.000Z',
    agent_id: null,
    agent_name: null,
    user_agent_id: null,
    user_agent_name: null,
    conversation_id: 'conversation-1',
    status: 'succeeded',
    error_code: null,
    source: 'chat',
    model: 'built-in/retrieval',
    input: 'Do you ship abroad?',
    output: 'Yes [1].',
    input_tokens: 1,
    output_tokens: 1,
    cost_usd: null,
    latency_ms: 5,
    rating: null,
    rating_comment: null,
    metadata: {},
    ...more,
  } as AgentLog
}

describe('a conversation read from its logs', () => {
  test('each run is a question and an answer under the run’s id', () => {
    const messages = messagesOfLogs([logOf({}), logOf({ id: 'run-2', input: 'And how long?', output: 'A week.' })])
    expect(messages.map((message) => [message.role, textOf(message)])).toEqual([
      ['user', 'Do you ship abroad?'],
      ['assistant', 'Yes [1].'],
      ['user', 'And how long?'],
      ['assistant', 'A week.'],
    ])
    expect(messages[3]?.id).toBe('run-2')
    expect(messages[1]?.metadata?.is_built_in_model).toBe(true)
  })

  test('a failed run says what happened and what to do', () => {
    const [, answer] = messagesOfLogs([logOf({ status: 'failed', error_code: 'model_timeout', output: 'So f' })])
    expect(answer?.metadata?.error_title).toBe('The model did not answer in time.')
    expect(answer?.metadata?.error_action).toContain('retry')
    expect(answer && textOf(answer)).toBe('So f')
  })

  test('a question that was tried again after a failure without words is shown once', () => {
    const failed = logOf({ status: 'failed', error_code: 'model_overloaded', output: null })
    expect(messagesOfLogs([failed, logOf({ id: 'run-2' })])).toHaveLength(2)
    expect(messagesOfLogs([failed, logOf({ id: 'run-2', input: 'Something else' })])).toHaveLength(4)
    expect(messagesOfLogs([logOf({}), logOf({ id: 'run-2' })])).toHaveLength(4)
  })

  test('tools are shown with what they were given and answered', () => {
    const step = {
      text: '',
      tool_calls: [
        { id: 'c1', name: 'calculator', input: { expression: '1/0' } },
        { id: 'c2', name: 'current_time', input: {} },
      ],
      tool_results: [{ id: 'c1', name: 'calculator', output: 'Division by zero.', is_error: true, duration_ms: 1 }],
      finish_reason: 'tool-calls',
      input_tokens: 1,
      output_tokens: 1,
      duration_ms: 1,
      retries: 0,
    }
    const [, answer] = messagesOfLogs([logOf({ status: 'cancelled', metadata: { steps: [step], citations: [] } })])
    expect(answer?.parts.map(toolCallOf).filter((call) => call !== null)).toEqual([
      {
        id: 'c1',
        name: 'calculator',
        input: { expression: '1/0' },
        result: { output: 'Division by zero.', is_error: true },
      },
      {
        id: 'c2',
        name: 'current_time',
        input: {},
        result: { output: 'The run ended before this tool answered.', is_error: true },
      },
    ])
  })

  describe('with approvals', () => {
    const call = { id: 'c1', name: 'smtp__send_email', input: { subject: 'Hello' } }
    const approval = {
      id: 'a1',
      tool_call_id: 'c1',
      tool: 'smtp__send_email',
      title: 'Send an e-mail',
      description: 'Send "Hello"',
      reason: 'writes',
    }
    const partOf = (status: AgentLog['status'], toolResults: object[]) => {
      const step = { text: '', tool_calls: [call], tool_results: toolResults, finish_reason: 'tool-calls' }
      const metadata = { steps: [step], citations: [], approvals: [approval] } as unknown as AgentLog['metadata']
      const [, answer] = messagesOfLogs([logOf({ status, output: null, metadata })])
      return answer?.parts[0]
    }

    test('a call that waits can be decided after a reload', () => {
      expect(partOf('waiting', [])).toMatchObject({ state: 'approval-requested', approval: { id: 'a1' } })
    })

    test('words before a call stand before it', () => {
      const steps = [
        { text: 'Here it is.', tool_calls: [call], tool_results: [], finish_reason: 'tool-calls' },
        { text: 'It is sent.', tool_calls: [], tool_results: [], finish_reason: 'stop' },
      ]
      const metadata = { steps, citations: [] } as unknown as AgentLog['metadata']
      const kinds = (output: string) =>
        messagesOfLogs([logOf({ output, metadata })])[1]?.parts.map((part) =>
          part.type === 'text' ? part.text : part.type,
        )
      expect(kinds('Here it is.\n\nIt is sent.')).toEqual(['Here it is.', 'dynamic-tool', 'It is sent.'])
      expect(kinds('Something else')).toEqual(['dynamic-tool', 'Something else'])
    })

    test('a call whose run was cancelled while it waited cannot', () => {
      expect(partOf('cancelled', [])).toMatchObject({ state: 'output-error' })
    })

    test('a refused call is no failed one, and keeps what was said', () => {
      const decision = { id: 'a1', decision: 'refuse', comment: 'Not today.' }
      const result = { id: 'c1', name: call.name, output: {}, is_error: true, is_refused: true, approval: decision }
      const part = partOf('succeeded', [result])
      expect(part).toMatchObject({ state: 'output-denied', approval: { approved: false, reason: 'Not today.' } })
      expect(part && toolCallOf(part)?.result).toMatchObject({ is_refused: true, is_error: false })
    })

    test('an edited call shows what was done', () => {
      const decision = { id: 'a1', decision: 'approve', comment: null, edited_input: { subject: 'Hello Anna' } }
      const result = { id: 'c1', name: call.name, output: { sent: true }, is_error: false, approval: decision }
      expect(partOf('succeeded', [result])).toMatchObject({
        state: 'output-available',
        input: { subject: 'Hello Anna' },
      })
    })
  })
})
