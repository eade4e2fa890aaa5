import { recordAudit } from '../audit-log/record-audit.ts'
import type { Claims, Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import { type AgentRow, declineAgent, publishAgent } from './agent-queries.ts'
import { getAgent } from './change-agent.ts'

interface Decision {
  id: string
  decision: 'publish' | 'decline'
  note?: string | undefined
  /** The version the admin looked at; left out: the present one. */
  version?: number | undefined
}

/** An admin's yes or no to the publication of an agent. The answer is the agent as it is afterwards. */
export async function decidePublication(database: Database, claims: Claims, decision: Decision): Promise<AgentRow> {
  const { id, note } = decision
  const conflict = new AppError('conflict', {
    detail: 'No request for this version of the agent is open: it was changed, withdrawn or decided in the meantime.',
  })
  if (decision.decision === 'publish') {
    return database.withUser(claims, async (tx) => {
      // Found or not is told first, so that a private agent cannot be told from none.
      const agent = await getAgent(tx, id)
      const version = decision.version ?? agent.version
      if (agent.is_public && agent.version === version) return agent
      if (!(await publishAgent(tx, { id, version }))) throw conflict
      const published = await getAgent(tx, id)
      await recordAudit(tx, {
        actor: claims.sub,
        action: 'publication.accept',
        target: { type: 'agent', id },
        detail: { version },
      })
      return published
    })
  }
  const seen = await database.withUser(claims, (tx) => getAgent(tx, id))
  if (seen.slug !== null)
    throw new AppError('conflict', {
      detail: 'This agent came with the product: take its file out of catalogue/agents to withdraw it.',
    })
  const version = decision.version ?? seen.version
  const declined = await database.asSystem(
    'a declined agent leaves the sight of the admin who declines it',
    async (tx) => {
      const row = await declineAgent(tx, { id, version, note: note || 'An admin declined it.' })
      if (row)
        await recordAudit(tx, {
          actor: claims.sub,
          action: 'publication.refuse',
          target: { type: 'agent', id },
          detail: { version, was_public: seen.is_public },
        })
      return row
    },
  )
  if (!declined) throw conflict
  return declined
}
