import { z } from 'zod'

const contentSchema = z.union([
  z.string().max(200_000),
  z
    .array(
      z.object({
        type: z.literal('text', 'Only text parts are supported.').meta({ description: 'Always `text`' }),
        text: z.string().max(200_000).meta({ description: 'The text', example: 'Do you ship to Austria?' }),
      }),
    )
    .max(100),
])

const messageSchema = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant']).meta({ description: 'Who speaks', example: 'user' }),
  content: contentSchema.nullable().meta({ description: 'Text, or text parts', example: 'Do you ship to Austria?' }),
})

const usageSchema = z.object({
  prompt_tokens: z.int().meta({ description: 'Tokens read', example: 412 }),
  completion_tokens: z.int().meta({ description: 'Tokens written', example: 38 }),
  total_tokens: z.int().meta({ description: 'Both together', example: 450 }),
})

const modelSchema = z.object({
  id: z
    .string()
    .meta({ description: 'Id of the user agent: use it as `model`', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
  object: z.literal('model').meta({ description: 'Always `model`' }),
  created: z.int().meta({ description: 'Unix time in seconds', example: 1763805600 }),
  owned_by: z.string().meta({ description: 'Always `agentexpress`', example: 'agentexpress' }),
  name: z.string().meta({ description: 'What its owner calls it', example: 'Shop helper' }),
})

const openAiErrorSchema = z.object({
  error: z
    .object({
      message: z.string().meta({ description: 'What happened', example: 'You are not signed in.' }),
      type: z.string().meta({ description: "OpenAI's kind of error", example: 'authentication_error' }),
      param: z.string().nullable().meta({ description: 'Which field', example: 'messages' }),
      code: z.string().meta({ description: 'Stable code', example: 'unauthenticated' }),
    })
    .meta({ description: 'The error' }),
})

const choiceSchema = z.object({
  index: z.int().meta({ description: 'Always 0', example: 0 }),
  message: z
    .object({
      role: z.literal('assistant').meta({ description: 'Always `assistant`' }),
      content: z.string().meta({ description: 'The answer, as Markdown', example: 'Yes, within 3 days. [1]' }),
      refusal: z.null().meta({ description: 'Always null' }),
    })
    .meta({ description: 'What the agent said' }),
  logprobs: z.null().meta({ description: 'Always null' }),
  finish_reason: z.enum(['stop', 'length']).meta({ description: 'Why the answer ended' }),
})

export const openAiRoutes = {
  'GET /v1/models': {
    tags: ['OpenAI-compatible'],
    summary: 'List your user agents as models',
    response: {
      200: z.object({
        object: z.literal('list').meta({ description: 'Always `list`' }),
        data: z.array(modelSchema).meta({ description: 'Your user agents that are on' }),
      }),
      '4xx': openAiErrorSchema,
    },
  },
  'GET /v1/models/:model': {
    tags: ['OpenAI-compatible'],
    summary: 'One user agent as a model',
    params: z.object({ model: z.string().max(200).meta({ description: 'Id of the user agent' }) }),
    response: { 200: modelSchema, '4xx': openAiErrorSchema },
  },
  'POST /v1/chat/completions': {
    tags: ['OpenAI-compatible'],
    summary: 'Run a user agent in the form of a chat completion',
    description:
      'For programs and libraries that speak OpenAI: base URL `<this site>/v1`, an API key of yours as the key, the id of a user agent as the model. ' +
      'The memory is what you send in `messages`; the last message must be of the user. The agent brings its own instructions, tools and temperature: ' +
      'system messages are added to the instructions, sampling parameters are accepted and ignored. ' +
      'When the agent wants to do something that you have to approve, the answer ends (`finish_reason` is `stop`) with a line for each such thing and the address where you decide; ' +
      'what comes of it stands in the log and in the answer to the decision. With earlier answers among the messages, every tool that changes something asks first.',
    headers: z.object({
      'idempotency-key': z
        .string()
        .min(1)
        .max(255)
        .optional()
        .meta({ description: 'Any text that is new for each new request', example: 'order-4711' }),
    }),
    // Loose: clients send parameters that are new every month.
    body: z.looseObject({
      model: z
        .string()
        .max(200)
        .meta({ description: 'Id of the user agent', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
      messages: z.array(messageSchema).min(1).max(500).meta({ description: 'The conversation so far' }),
      stream: z.boolean().nullish().meta({ description: 'Whether to stream', example: false }),
      stream_options: z
        .looseObject({
          include_usage: z.boolean().nullish().meta({ description: 'Whether a last chunk brings the usage' }),
        })
        .nullish()
        .meta({ description: 'With `include_usage` a last chunk brings the usage' }),
      n: z.literal(1, 'Only one answer at a time.').nullish().meta({ description: 'Only 1' }),
      tools: z
        .array(z.unknown())
        .max(0, 'The agent brings its own tools; set them up in its form.')
        .nullish()
        .meta({ description: 'Not supported' }),
    }),
    response: {
      200: z.object({
        id: z.string().meta({
          description: '`chatcmpl-` and the id of the run in the log',
          example: 'chatcmpl-019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012',
        }),
        object: z.literal('chat.completion').meta({ description: 'Always `chat.completion`' }),
        created: z.int().meta({ description: 'Unix time in seconds', example: 1763805600 }),
        model: z
          .string()
          .meta({ description: 'Id of the user agent', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
        choices: z.array(choiceSchema).meta({ description: 'Always one' }),
        usage: usageSchema.meta({ description: 'Tokens used' }),
      }),
      '4xx': openAiErrorSchema,
      '5xx': openAiErrorSchema,
    },
  },
} as const
