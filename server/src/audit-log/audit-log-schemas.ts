import { z } from 'zod'
import { pageOf, pageQuery } from '../http/pagination.ts'
import { problemSchema, timestampSchema, typedText } from '../http/schemas.ts'
import { type AuditAction, auditActions } from './audit-actions.ts'

const problems = { '4xx': problemSchema, '5xx': problemSchema }
const exampleId = '019ab3c4-1d2e-7f30-8a4b-5c6d7e8f9012'
const exampleHash = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'

const actionSchema = z.enum(Object.keys(auditActions) as [AuditAction, ...AuditAction[]])
export const hashSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'A hash is 64 digits of 0-9 and a-f.')
  .meta({ description: 'SHA-256 in hexadecimal digits', example: exampleHash })

/** What an entry names, as far as it still exists. */
const nameSchema = z.string().nullable()

const entrySchema = z
  .object({
    id: z.number().int().meta({ description: 'Its number; without gaps, from 1', example: 42 }),
    created_at: timestampSchema.meta({ description: 'When it was done' }),
    actor_id: z
      .uuid()
      .nullable()
      .meta({ description: 'Who did it; null: the server itself, or a command of the operator', example: exampleId }),
    actor_name: nameSchema.meta({ description: 'Their e-mail address; null when the account is gone', example: null }),
    action: z.string().meta({ description: 'What was done', example: 'user.suspend' }),
    description: z.string().meta({ description: 'The same in words', example: 'An account was suspended' }),
    target_type: z.string().meta({ description: 'Kind of what it was done to', example: 'user' }),
    target_id: z.string().meta({ description: 'Id of what it was done to', example: exampleId }),
    target_name: nameSchema.meta({ description: 'Its name; null when it has none or is gone', example: null }),
    detail: z
      .record(z.string(), z.unknown())
      .meta({ description: 'What changed', example: { from: 'user', to: 'admin' } }),
    hash: hashSchema,
  })
  .meta({ id: 'AuditEntry', description: 'What somebody with power did' })

export const auditFaultKinds = ['changed', 'missing', 'inserted', 'reordered', 'cut_off'] as const
const faultSchema = z
  .object({
    id: z.number().int().meta({ description: 'Number of the entry where the chain breaks', example: 42 }),
    kind: z.enum(auditFaultKinds).meta({
      description:
        '`changed`: what it says is not what its hash was made of; `missing`: entries before it are gone; `inserted`: it does not follow the one before it; `reordered`: it is older than the one before; `cut_off`: the head that was kept is not there',
      example: 'changed',
    }),
    detail: z.string().meta({ description: 'The same in words', example: 'Entry 42 was changed.' }),
  })
  .meta({ id: 'AuditFault', description: 'Where the audit log was tampered with' })

export const auditReportSchema = z
  .object({
    is_intact: z.boolean().meta({ description: 'True when every hash fits', example: true }),
    entries: z.number().int().meta({ description: 'How many entries there are', example: 42 }),
    head_hash: hashSchema.nullable().meta({
      description: 'Hash of the newest entry. Keep it elsewhere: it shows later that nothing was cut off',
      example: exampleHash,
    }),
    faults: z.array(faultSchema).meta({ description: 'The first faults, oldest first; at most 20', example: [] }),
  })
  .meta({ id: 'AuditReport', description: 'Whether the audit log is as it was written' })

export const auditLogRoutes = {
  'GET /api/v1/admin/audit-log': {
    tags: ['Admin'],
    operationId: 'listAuditLog',
    summary: 'Audit log',
    description: 'Who did what to whom, newest first. Entries are only ever added. For admins.',
    querystring: z.strictObject({
      actor_id: z.uuid().optional().meta({ description: 'Only what this account did', example: exampleId }),
      action: actionSchema.optional().meta({ description: 'Only this action', example: 'user.suspend' }),
      target_type: typedText(40, 1)
        .optional()
        .meta({ description: 'Only what was done to this kind', example: 'user' }),
      target_id: typedText(150, 1)
        .optional()
        .meta({ description: 'Only what was done to the one with this id', example: exampleId }),
      from: timestampSchema.optional().meta({ description: 'Only from this moment on' }),
      to: timestampSchema.optional().meta({ description: 'Only before this moment' }),
      ...pageQuery,
    }),
    response: { 200: pageOf(entrySchema), ...problems },
  },
  'GET /api/v1/admin/audit-log/verify': {
    tags: ['Admin'],
    operationId: 'verifyAuditLog',
    summary: 'Verify the audit log',
    description:
      'Computes every hash anew and compares. `npm run audit -- verify` does the same without this server. For admins.',
    querystring: z.strictObject({
      head: hashSchema.optional().meta({
        description: 'A head that you kept: it has to be the hash of an entry',
        example: exampleHash,
      }),
    }),
    response: { 200: auditReportSchema, ...problems },
  },
} as const

export type AuditReport = z.output<typeof auditReportSchema>
export type AuditFault = z.output<typeof faultSchema>
