import { describe, expect, test } from 'vitest'
import type { RunMessage } from './run-message.ts'
import { citationsOf, textOf, toolCallOf } from './run-message.ts'

const answer: RunMessage = {
  id: 'run-1',
  role: 'assistant',
  parts: [
    { type: 'text', text: 'Let me look. ' },
    { type: 'tool-calculator', toolCallId: 'c1', state: 'output-available', input: { expression: '1+1' }, output: 2 },
    {
      type: 'dynamic-tool',
      toolName: 'fetch_web_page',
      toolCallId: 'c2',
      state: 'output-error',
      input: {},
      errorText: 'refused',
    },
    { type: 'dynamic-tool', toolName: 'current_time', toolCallId: 'c3', state: 'input-available', input: {} },
    {
      type: 'source-document',
      sourceId: '2',
      mediaType: 'text/plain',
      title: 'FAQ: Shipping',
      providerMetadata: { agentexpress: { number: 2, path: '/faq/1', excerpt: 'We ship abroad.' } },
    },
    { type: 'source-document', sourceId: '1', mediaType: 'text/plain', title: 'About us' },
    { type: 'text', text: 'Yes [1][2].' },
  ],
}

describe('an answer that was streamed', () => {
  test('its text leaves out everything that is not text', () => {
    expect(textOf(answer)).toBe('Let me look. \n\nYes [1][2].')
  })

  test('its tool calls tell whether they worked, failed or still run', () => {
    expect(answer.parts.map(toolCallOf).filter((call) => call !== null)).toEqual([
      { id: 'c1', name: 'calculator', input: { expression: '1+1' }, result: { output: 2, is_error: false } },
      { id: 'c2', name: 'fetch_web_page', input: {}, result: { output: 'refused', is_error: true } },
      { id: 'c3', name: 'current_time', input: {} },
    ])
  })

  test('its citations come in the order of their numbers, with or without an excerpt', () => {
    expect(citationsOf(answer)).toEqual([
      { number: 1, title: 'About us', path: '', excerpt: '' },
      { number: 2, title: 'FAQ: Shipping', path: '/faq/1', excerpt: 'We ship abroad.' },
    ])
  })
})
