import { Text, VisuallyHidden } from '@mantine/core'
import type { Plan } from '../../../api-client/src/api-types.ts'
import { ButtonLink } from '../ui/links.tsx'
import { chooseAddress, chooseLabel, type PlanState } from './choose-plan.ts'
import type { BillingInterval } from './plan-price.ts'

interface ChooseButtonProps {
  plan: Plan
  interval: BillingInterval
  state: PlanState
  /** Nobody is signed in: the plan is kept through signing up. */
  isStranger: boolean
  variant?: string
}

/** The way to a plan, or what stands in its place for who has it. */
export function ChooseButton({ plan, interval, state, isStranger, variant = 'filled' }: ChooseButtonProps) {
  if (state === 'current' || state === 'next' || state === 'requested') {
    return (
      <>
        <ButtonLink to="/subscription" variant="default" fullWidth>
          {state === 'current' ? 'See how it stands' : 'See what happens'}
          <VisuallyHidden>: {plan.name}</VisuallyHidden>
        </ButtonLink>
        {state !== 'current' && (
          <Text size="xs" c="dimmed" mt={6} ta="center">
            {waitWords[state]}
          </Text>
        )}
      </>
    )
  }
  const label = chooseLabel(plan, isStranger)
  const name = label.includes(plan.name) ? undefined : `${label}: ${plan.name}`
  if (isStranger) {
    return (
      <ButtonLink
        to="/sign-up"
        search={chooseAddress(plan, interval)}
        fullWidth
        px="xs"
        variant={variant}
        aria-label={name}
      >
        {label}
      </ButtonLink>
    )
  }
  return (
    <ButtonLink
      to="/subscription"
      search={{ choose: plan.id, interval }}
      fullWidth
      px="xs"
      variant={variant}
      aria-label={name}
    >
      {label}
    </ButtonLink>
  )
}

const waitWords = {
  next: 'It begins when the present period ends',
  requested: 'You asked for it; the answer comes here',
} as const
