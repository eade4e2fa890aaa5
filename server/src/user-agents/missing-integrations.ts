import type { Capabilities } from '../agents/capabilities.ts'

export interface WantedIntegration {
  type: string
  title: string
  /** What the agent would do with it. */
  reason: string | null
}

/** The types that an agent names and that are not among the connected ones; `missing` are those it is of no use without. */
export function findUnconnected(
  { integrations }: Pick<Capabilities, 'integrations'>,
  connectedTypes: readonly string[],
  integrationTypes: readonly { type: string; title: string }[],
): { missing: WantedIntegration[]; optional: WantedIntegration[] } {
  const unconnected = integrations.filter(({ type }) => !connectedTypes.includes(type))
  const toWanted = ({ type, reason }: (typeof unconnected)[number]) => ({
    type,
    title: integrationTypes.find((known) => known.type === type)?.title ?? type,
    reason: reason ?? null,
  })
  return {
    missing: unconnected.filter(({ required }) => required).map(toWanted),
    optional: unconnected.filter(({ required }) => !required).map(toWanted),
  }
}
