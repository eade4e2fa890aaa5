import { z } from 'zod'

export const problemSchema = z
  .object({
    type: z
      .string()
      .meta({ description: 'Address of the documentation of this code', example: '/docs/errors#not_found' }),
    title: z.string().meta({ description: 'What happened', example: 'There is nothing here, or it is not yours.' }),
    status: z.number().int().meta({ description: 'The HTTP status', example: 404 }),
    code: z.string().meta({ description: 'Stable code to act on', example: 'not_found' }),
    detail: z.string().meta({ description: 'What to do next', example: 'Check the address.' }),
    request_id: z.string().meta({ description: 'Give this to the operator when you ask for help', example: 'req-1a' }),
    errors: z
      .array(
        z.object({
          path: z.string().meta({ description: 'Which field, as a JSON pointer', example: '/settings/name' }),
          message: z.string().meta({ description: 'What to correct', example: 'Please fill this in.' }),
        }),
      )
      .optional()
      .meta({ description: 'Each fault with its place, as a JSON pointer' }),
    limit: z
      .string()
      .optional()
      .meta({ description: 'Which limit is reached, for `plan_limit_reached`', example: 'runs_per_month' }),
    limit_value: z.number().optional().meta({ description: 'How much the plan includes', example: 5000 }),
    used: z.number().optional().meta({ description: 'How much of it is used', example: 5000 }),
    resets_at: z
      .string()
      .nullable()
      .optional()
      .meta({ description: 'When it starts anew; null when it does not', example: '2026-12-01T00:00:00.000Z' }),
    upgrade: z
      .object({
        plan_id: z.string().meta({ description: 'Its id', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
        name: z.string().meta({ description: 'Its name', example: 'Professional' }),
      })
      .nullable()
      .optional()
      .meta({ description: 'The cheapest plan that would lift it; null when none does' }),
  })
  .meta({ id: 'Problem', description: 'An error, as RFC 9457 application/problem+json' })

/** A moment: a Date in the program, ISO 8601 UTC on the wire. */
export const timestampSchema = z
  .codec(z.iso.datetime(), z.date(), { decode: (text) => new Date(text), encode: (date) => date.toISOString() })
  .meta({ description: 'A moment in UTC', example: '2026-11-22T09:30:00.000Z' })

export const idParams = z.object({
  id: z.uuid().meta({ description: 'Its id', example: '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012' }),
})

/** Text a person typed: trimmed, without NUL (PostgreSQL cannot keep it) and lone surrogates. */
export function typedText(max: number, min = 0) {
  return z
    .string()
    .max(max, `At most ${max} characters.`)
    .refine(
      (text) => !text.includes('\u0000') && text.isWellFormed(),
      'Characters that cannot be stored (NUL or half of a surrogate pair).',
    )
    .trim()
    .min(min, min === 1 ? 'Please fill this in.' : `At least ${min} characters.`)
}
