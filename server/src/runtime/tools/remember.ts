import { z } from 'zod'
import { maxMemoryCharacters } from '../run-memories.ts'
import { builtInTool, type RunTool } from './run-tool.ts'

const inputSchema = z.object({ content: z.string().max(maxMemoryCharacters) })

/** `writes`, though it never asks by itself: what strangers want remembered for all later runs is shown to the owner first. */
export function createRememberTool(): RunTool {
  return builtInTool({
    name: 'remember',
    title: 'Remember something',
    description:
      'Keeps one fact for later conversations: a preference, a decision, a name the user wants you to know. One fact a call, as a sentence that is clear without this conversation. Never passwords, keys or card numbers. The user can read and delete what you remember.',
    inputSchema: {
      type: 'object',
      properties: {
        content: {
          type: 'string',
          minLength: 1,
          maxLength: maxMemoryCharacters,
          description: 'The fact, one sentence',
        },
      },
      required: ['content'],
      additionalProperties: false,
    },
    effect: 'writes',
    describeCall: (input) => `Remember: ${inputSchema.safeParse(input).data?.content ?? ''}`,
    async execute(input, { memories, hasUntrusted }) {
      const content = inputSchema.parse(input).content.trim()
      if (content === '') throw new Error('There is nothing to remember.')
      const { count } = await memories.remember(content, hasUntrusted)
      return { remembered: true, memories: count }
    },
  })
}
