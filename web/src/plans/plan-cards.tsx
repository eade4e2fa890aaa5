import { SimpleGrid } from '@mantine/core'
import type { Plan } from '../../../api-client/src/api-types.ts'
import type { Subscribed } from '../subscription/subscription-queries.ts'
import { ChooseButton } from './choose-button.tsx'
import { planStateOf } from './choose-plan.ts'
import { PlanCard } from './plan-card.tsx'
import { type BillingInterval, isFree } from './plan-price.ts'

interface PlanCardsProps {
  plans: readonly Plan[]
  interval: BillingInterval
  /** What whoever looks at it has; null for strangers. */
  subscribed: Subscribed | null
  order?: 2 | 3
}

/** The plans as cards, each with the way to it. */
export function PlanCards({ plans, interval, subscribed, order = 2 }: PlanCardsProps) {
  const firstPaid = plans.find((plan) => !isFree(plan) && !plan.is_by_arrangement)
  return (
    <SimpleGrid
      cols={{ base: 1, sm: Math.min(2, plans.length), lg: Math.min(4, plans.length) }}
      spacing="lg"
      maw={plans.length < 3 ? 380 * plans.length : undefined}
      mx="auto"
      w="100%"
    >
      {plans.map((plan) => {
        const state = planStateOf(plan.id, subscribed)
        return (
          <PlanCard
            key={plan.id}
            plan={plan}
            interval={interval}
            order={order}
            isMarked={state === 'current'}
            mark={marks[state] ?? (plan.is_public ? undefined : 'For you')}
            action={
              <ChooseButton
                plan={plan}
                interval={interval}
                state={state}
                isStranger={subscribed === null}
                variant={plan === firstPaid ? 'filled' : 'light'}
              />
            }
          />
        )
      })}
    </SimpleGrid>
  )
}

const marks = { current: 'Your plan', next: 'Comes next', requested: 'Asked for', open: undefined } as const
