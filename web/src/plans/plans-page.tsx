import { Alert, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { IconCreditCard, IconInfoCircle } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import type { Plan } from '../../../api-client/src/api-types.ts'
import { useUser } from '../auth/session.ts'
import { type Subscribed, subscribedQuery } from '../subscription/subscription-queries.ts'
import { EmptyState } from '../ui/empty-state.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { BillingSwitch } from './billing-switch.tsx'
import { PlanCards } from './plan-cards.tsx'
import { PlanComparison } from './plan-comparison.tsx'
import { plansQuery } from './plan-queries.ts'

/** What it costs, for everybody; who is signed in sees their own plan marked. */
export function PlansPage() {
  const { checkout } = useSearch({ from: '/plans' })
  const user = useUser()
  const plans = useQuery(plansQuery)
  const subscribed = useQuery({ ...subscribedQuery, enabled: Boolean(user) })
  const isReady = user === null || (user !== undefined && !subscribed.isPending)
  const failed = [plans, subscribed].find(({ isError }) => isError)
  return (
    <Page
      title="Plans"
      subtitle="Take what fits today. You can change at any time, and nothing you made is ever deleted for it."
      width={1240}
    >
      {checkout === 'cancelled' && (
        <Alert variant="light" icon={<IconInfoCircle aria-hidden />} title="Nothing was charged" role="status">
          You left the payment page before you paid. Everything is as it was.
        </Alert>
      )}
      {failed && (
        <ErrorState error={failed.error} onRetry={() => void failed.refetch()} isRetrying={failed.isFetching} />
      )}
      {!failed && !(plans.data && isReady) && <LoadingState shape="cards" label="Loading the plans" />}
      {plans.data && isReady && <Plans plans={plans.data} subscribed={user ? (subscribed.data ?? null) : null} />}
    </Page>
  )
}

function Plans({ plans, subscribed }: { plans: Plan[]; subscribed: Subscribed | null }) {
  const { interval = 'month', checkout } = useSearch({ from: '/plans' })
  const navigate = useNavigate()
  if (plans.length === 0) {
    return (
      <EmptyState
        icon={IconCreditCard}
        title="Nothing is sold here"
        action={<ButtonLink to="/agents">See all agents</ButtonLink>}
      >
        The operator of this site has made no plans. You can use everything as it is.
      </EmptyState>
    )
  }
  const present = subscribed?.plan ?? null
  return (
    <Stack gap={56}>
      <Stack gap="lg" align="center">
        <BillingSwitch
          plans={plans}
          value={interval}
          onChange={(value) =>
            void navigate({
              to: '/plans',
              search: { ...(checkout && { checkout }), interval: value },
              replace: true,
              resetScroll: false,
            })
          }
        />
        <PlanCards plans={plans} interval={interval} subscribed={subscribed} />
        {present && !plans.some(({ id }) => id === present.id) && <OldPlan name={present.name} />}
      </Stack>
      <section aria-labelledby="comparison">
        <Title order={2} id="comparison" mb="md">
          Side by side
        </Title>
        <PlanComparison plans={plans} interval={interval} currentPlanId={present?.id} />
      </section>
      <Questions />
    </Stack>
  )
}

/** Who has a plan that is not offered any more keeps it, and sees no card of it. */
function OldPlan({ name }: { name: string }) {
  return (
    <Alert variant="light" w="100%" icon={<IconInfoCircle aria-hidden />} title={`You have ${name}`}>
      <Group justify="space-between" gap="sm">
        <Text size="sm">It is not offered any more. You keep it until you choose another one.</Text>
        <ButtonLink to="/subscription" size="xs" variant="default">
          See how it stands
        </ButtonLink>
      </Group>
    </Alert>
  )
}

const questions = [
  {
    title: 'What is a run?',
    text: 'One question to an agent and its answer, with everything it does between. What fails does not count.',
  },
  {
    title: 'What happens at a limit?',
    text: 'The next question is not sent and what you typed stays. The month begins anew on the 1st, a larger plan at once. You never pay more than your plan says.',
  },
  {
    title: 'How do I take less, or leave?',
    text: 'Under “Plan”, at any time. It holds from the end of what is paid for. Agents, settings and logs stay; you choose what stays switched on.',
  },
] as const

function Questions() {
  return (
    <section aria-labelledby="questions">
      <Title order={2} id="questions" mb="md">
        Good to know
      </Title>
      <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="xl">
        {questions.map(({ title, text }) => (
          <div key={title}>
            <Title order={3} size="h4" mb={4}>
              {title}
            </Title>
            <Text size="sm" c="dimmed">
              {text}
            </Text>
          </div>
        ))}
      </SimpleGrid>
    </section>
  )
}
