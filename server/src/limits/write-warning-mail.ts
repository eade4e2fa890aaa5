import type { MailText } from '../mail/open-mailer.ts'
import type { TakenWarning, UserOfWarnings } from './warning-queries.ts'

type LimitUse = UserOfWarnings['limits'][number]

const ofPlan = (noun: string) => ({ noun, place: 'that your plan includes', link: '/plans' })
const described: Record<string, { noun: string; place: string; link: string }> = {
  runs_per_month: ofPlan('runs'),
  tokens_per_month: ofPlan('tokens'),
  cost_usd_per_month: ofPlan('model cost'),
  cost_cap: { noun: 'model cost', place: 'that you allow yourself', link: '/usage' },
}

const count = new Intl.NumberFormat('en')
const dollars = new Intl.NumberFormat('en', { style: 'currency', currency: 'USD' })
const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' })

/** One e-mail for all that is near or reached; null when nothing of it holds any more. */
export function writeWarningMail(
  user: UserOfWarnings,
  reached: readonly Pick<TakenWarning, 'name' | 'threshold'>[],
  { now, siteUrl }: { now: Date; siteUrl: string },
): MailText | null {
  const limits = reached
    .map(({ name, threshold }) => ({ threshold, use: user.limits.find((use) => use.name === name) }))
    .filter((limit): limit is { threshold: number; use: LimitUse } => limit.use !== undefined)
    .sort((a, b) => b.threshold - a.threshold)
  const [first] = limits
  if (!first) return null
  const resetsAt = day.format(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1)))
  const isStopped = first.threshold === 100
  const links = [...new Set(limits.map(({ use }) => `${siteUrl}${described[use.name]?.link ?? '/usage'}`))]
  const text = [
    `Hello${user.first_name ? ` ${user.first_name}` : ''},`,
    limits.map(({ use, threshold }) => sentenceOf(use, threshold, user.plan)).join('\n'),
    isStopped
      ? `What it means: your agents take no new runs until ${resetsAt}, 00:00 UTC. What runs already goes on to its end, and nothing you have made or logged is lost.`
      : `What it means: nothing has stopped yet. Once all of it is used, your agents take no new runs until ${resetsAt}, 00:00 UTC. Nothing you have made or logged is lost.`,
    `What you can do: ${adviceOf(limits.map(({ use }) => use))}\n${links.join('\n')}`,
    'You get this e-mail once for each limit and month.',
  ].join('\n\n')
  return { to: user.email, subject: subjectOf(first.use, first.threshold, limits.length), text: `${text}\n` }
}

function subjectOf({ name }: LimitUse, threshold: number, howMany: number): string {
  if (howMany > 1) return threshold === 100 ? 'Limits of this month are reached' : 'Limits of this month are near'
  const what = name === 'cost_cap' ? 'your cost cap' : `this month’s ${described[name]?.noun ?? name}`
  const isUsed = what.endsWith('s') ? 'are used' : 'is used'
  return `${threshold === 100 ? 'All' : '80 %'} of ${what} ${isUsed}`
}

function sentenceOf({ name, used, of }: LimitUse, threshold: number, plan: string | null): string {
  const { noun, place } = described[name] ?? ofPlan(name)
  const isMoney = noun === 'model cost'
  const amount = (value: number) => (isMoney ? dollars.format(value) : count.format(value))
  const whose = name === 'cost_cap' || plan === null ? place : `that your plan (${plan}) includes`
  const percent = threshold === 100 ? 'all of it' : `${Math.floor((used / of) * 100)} %`
  return `You have used ${amount(used)} of the ${amount(of)}${isMoney ? ' of model cost' : ` ${noun}`} a month ${whose}: ${percent}.`
}

function adviceOf(limits: readonly LimitUse[]): string {
  const hasCap = limits.some(({ name }) => name === 'cost_cap')
  const hasPlan = limits.some(({ name }) => name !== 'cost_cap')
  const choose = 'choose a plan that includes more, which works at once'
  const raise = 'raise your cost cap or take it away'
  return `${[hasPlan && choose, hasCap && raise].filter(Boolean).join('; ')}.`
}
