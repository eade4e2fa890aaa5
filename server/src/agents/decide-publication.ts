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
      return getAgent(tx, id)
    })
  }
  const seen = await database.withUser(claims, (tx) => getAgent(tx, id))
  if (seen.slug !== null)
    throw new AppError('conflict', {
      detail: 'This agent came with the product: take its file out of catalogue/agents to withdraw it.',
    })
  const declined = await database.asSystem('a declined agent leaves the sight of the admin who declines it', (tx) =>
    declineAgent(tx, { id, version: decision.version ?? seen.version, note: note || 'An admin declined it.' }),
  )
  if (!declined) throw conflict
  return declined
}
