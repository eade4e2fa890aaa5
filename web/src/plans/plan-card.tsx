import { Badge, Box, Card, Group, List, Stack, Text, Title } from '@mantine/core'
import { IconCheck } from '@tabler/icons-react'
import { type ReactNode, useId } from 'react'
import type { Plan } from '../../../api-client/src/api-types.ts'
import { countOf } from '../agent-logs/format-run.ts'
import { formatMoney } from './money.ts'
import { planFacts } from './plan-facts.ts'
import { type BillingInterval, intervalOf, isFree, yearlySaving } from './plan-price.ts'

interface PlanCardProps {
  plan: Plan
  /** What is shown where the plan can be paid so. */
  interval: BillingInterval
  /** Beside the name, e.g. "Your plan". */
  mark?: string | undefined
  /** Drawn to the eye. */
  isMarked?: boolean
  /** The button that chooses it. */
  action?: ReactNode
  /** Level of its heading in the page. */
  order?: 2 | 3
}

/** What a plan costs and includes. */
export function PlanCard({ plan, interval, mark, isMarked = false, action, order = 2 }: PlanCardProps) {
  const titleId = useId()
  return (
    <Card
      component="article"
      aria-labelledby={titleId}
      style={{
        display: 'flex',
        flexDirection: 'column',
        ...(isMarked && { borderColor: 'var(--mantine-color-anchor)', borderWidth: 2 }),
      }}
    >
      {/* Four cards beside the menu are narrow: the mark goes above a name that would break. */}
      <Group justify="space-between" wrap="wrap-reverse" align="center" gap={6}>
        <Title order={order} size="h3" id={titleId} maw="100%" style={{ overflowWrap: 'anywhere' }}>
          {plan.name}
        </Title>
        {mark && <Badge style={{ flexShrink: 0 }}>{mark}</Badge>}
      </Group>
      <Price plan={plan} interval={interval} />
      {/* Room for three lines, so that the buttons of cards side by side stand in one row. */}
      <Text size="sm" c="dimmed" mt="sm" mih={{ sm: '4.65em' }}>
        {plan.description}
      </Text>
      {action && <Box mt="lg">{action}</Box>}
      <List
        mt="lg"
        size="sm"
        spacing={8}
        icon={<IconCheck size={17} color="var(--mantine-color-anchor)" aria-hidden style={{ marginTop: 2 }} />}
        styles={{ itemWrapper: { alignItems: 'flex-start' } }}
      >
        {planFacts(plan.features).map((fact) => (
          <List.Item key={fact}>{fact}</List.Item>
        ))}
      </List>
    </Card>
  )
}

function Price({ plan, interval }: { plan: Plan; interval: BillingInterval }) {
  if (plan.is_by_arrangement) return <Figure amount="Let’s talk" note="" />
  if (isFree(plan)) return <Figure amount={formatMoney(0, plan.currency)} note="no card needed" />
  const trial = plan.trial_days > 0 ? `, after ${countOf(plan.trial_days, 'day')} free` : ''
  if (intervalOf(plan, interval) === 'month') {
    return <Figure amount={formatMoney(plan.price, plan.currency)} note={`a month${trial}`} />
  }
  const yearly = plan.yearly_price ?? plan.price
  const saving = yearlySaving(plan)
  return (
    <Stack gap={6}>
      <Figure
        amount={formatMoney(yearly, plan.currency)}
        note={`a year, ${formatMoney((Number(yearly) / 12).toFixed(2), plan.currency)} a month${trial}`}
      />
      {saving && (
        <Badge color="honey" size="lg">
          You save {saving.amount} a year
        </Badge>
      )}
    </Stack>
  )
}

function Figure({ amount, note }: { amount: string; note: string }) {
  return (
    <Text mt="sm" component="p" mb={0}>
      <Text span fz={32} fw={700} lh={1.1} style={{ letterSpacing: '-0.02em' }}>
        {amount}
      </Text>{' '}
      <Text span size="sm" c="dimmed">
        {note}
      </Text>
    </Text>
  )
}
