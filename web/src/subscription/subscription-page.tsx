import { SimpleGrid, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Section } from '../account/section.tsx'
import { useUser } from '../auth/session.ts'
import { LimitBars } from '../limits/limit-bars.tsx'
import { limitsQuery } from '../limits/limit-queries.ts'
import { resetDay } from '../limits/limit-words.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { TextLink } from '../ui/links.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { AfterCheckout } from './after-checkout.tsx'
import { ChooseDialog } from './choose-dialog.tsx'
import { EventList } from './event-list.tsx'
import { InvoiceTable } from './invoice-table.tsx'
import { PlanRequestNote } from './open-request.tsx'
import { PresentPlan } from './present-plan.tsx'
import { type Subscribed, subscribedQuery } from './subscription-queries.ts'

/** What one has, what of it is used, what it cost, and the ways to change it. */
export function SubscriptionPage() {
  const search = useSearch({ from: '/signed-in/subscription' })
  const navigate = useNavigate()
  const { data, error, isFetching, refetch } = useQuery(subscribedQuery)
  const leave = () => void navigate({ to: '/subscription', search: {}, replace: true, resetScroll: false })
  return (
    <Page
      title="Plan"
      tabTitle="Your plan"
      subtitle="What you have, what of it is used, and what it costs."
      width={980}
    >
      {search.checkout === 'done' && <AfterCheckout onDone={leave} />}
      {error && !data && <ErrorState error={error} onRetry={() => void refetch()} isRetrying={isFetching} />}
      {!error && !data && <LoadingState shape="text" label="Loading your plan" />}
      {data && <Standing subscribed={data} />}
      {data && search.choose && (
        <ChooseDialog
          planId={search.choose}
          interval={search.interval ?? data.subscription?.billing_interval ?? 'month'}
          onInterval={(interval) =>
            void navigate({
              to: '/subscription',
              search: { choose: search.choose, interval },
              replace: true,
              resetScroll: false,
            })
          }
          subscribed={data}
          onClose={leave}
        />
      )}
    </Page>
  )
}

function Standing({ subscribed }: { subscribed: Subscribed }) {
  return (
    <Stack gap="lg">
      {subscribed.request && <PlanRequestNote request={subscribed.request} />}
      <Section title="Now">
        <PresentPlan subscribed={subscribed} />
      </Section>
      <Used />
      {(subscribed.can_pay || subscribed.subscription?.source === 'stripe') && (
        <Section title="Invoices">
          <InvoiceTable />
        </Section>
      )}
      <Section title="History">
        <EventList />
      </Section>
    </Stack>
  )
}

function Used() {
  const user = useUser()
  const { data, error, isFetching, refetch } = useQuery(limitsQuery)
  return (
    <Section
      title="Used"
      description={
        <>
          What counts by the month begins anew for everybody on the 1st
          {data && `, next on ${resetDay(data.resets_at)}`}. Day by day it stands under{' '}
          <TextLink to="/usage" inherit underline="always">
            Usage
          </TextLink>
          .
        </>
      }
    >
      {error && !data && <ErrorState error={error} onRetry={() => void refetch()} isRetrying={isFetching} />}
      {!error && !data && <LoadingState label="Loading what is used" />}
      {data && (
        <SimpleGrid cols={1}>
          {user?.role === 'admin' && <Text size="sm">You are an admin: no plan limits what you do.</Text>}
          <LimitBars limits={data.limits} />
        </SimpleGrid>
      )}
    </Section>
  )
}
