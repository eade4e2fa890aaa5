import { Badge, Button, Group, Text } from '@mantine/core'
import { useState } from 'react'
import { Section } from '../../account/section.tsx'
import { formatMoney } from '../../plans/money.ts'
import { amountWords } from '../../plans/plan-price.ts'
import { TextLink } from '../../ui/links.tsx'
import { sourceWords, statusLooks } from '../subscriptions/subscription-line.ts'
import { AssignDialog } from './assign-dialog.tsx'
import { EndDialog } from './end-dialog.tsx'
import { OfferDialog } from './offer-dialog.tsx'
import { standingWords } from './standing-words.ts'
import { SubscriptionHistory } from './subscription-history.tsx'
import type { AdminUserDetail } from './user-queries.ts'

/** Which plan somebody has, and what an admin can do about it. */
export function SubscriptionSection({ user }: { user: AdminUserDetail['user'] }) {
  const [dialog, setDialog] = useState<'assign' | 'end' | 'offer' | null>(null)
  const close = () => setDialog(null)
  const { subscription, plan } = user
  const isLiving = subscription !== null && ['trialing', 'active', 'past_due'].includes(subscription.status)
  return (
    <Section title="Subscription">
      <div>
        <Group gap="xs">
          {plan && subscription ? (
            <TextLink to="/admin/plans/$planId" params={{ planId: plan.id }} fw={600}>
              {plan.name}
            </TextLink>
          ) : (
            <Text fw={600}>{plan?.name ?? 'No plan'}</Text>
          )}
          {subscription && (
            <>
              <Badge color={statusLooks[subscription.status].color}>{statusLooks[subscription.status].label}</Badge>
              <Badge color="gray">{sourceWords[subscription.source]}</Badge>
              {Number(subscription.price) > 0 && <Text size="sm">{priceOf(subscription)}</Text>}
            </>
          )}
        </Group>
        <Text size="sm" c="dimmed" mt={4}>
          {standingWords(user)}
        </Text>
      </div>
      <Group gap="sm">
        <Button onClick={() => setDialog('assign')}>Give a plan</Button>
        <Button variant="default" onClick={() => setDialog('offer')}>
          Offer a hidden plan
        </Button>
        {isLiving && (
          <Button variant="default" onClick={() => setDialog('end')}>
            End the subscription
          </Button>
        )}
      </Group>
      <SubscriptionHistory userId={user.id} />
      <AssignDialog isOpen={dialog === 'assign'} onClose={close} user={user} />
      <OfferDialog isOpen={dialog === 'offer'} onClose={close} user={user} />
      {isLiving && <EndDialog isOpen={dialog === 'end'} onClose={close} user={user} />}
    </Section>
  )
}

function priceOf({ price, currency, billing_interval }: NonNullable<AdminUserDetail['user']['subscription']>): string {
  return billing_interval === null ? formatMoney(price, currency) : amountWords(price, currency, billing_interval)
}
