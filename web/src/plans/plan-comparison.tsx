import { Paper, Table, Text, VisuallyHidden } from '@mantine/core'
import { IconCheck, IconMinus } from '@tabler/icons-react'
import type { Plan } from '../../../api-client/src/api-types.ts'
import { comparePlans } from './plan-facts.ts'
import { type BillingInterval, priceWords } from './plan-price.ts'

interface PlanComparisonProps {
  plans: readonly Plan[]
  interval: BillingInterval
  currentPlanId?: string | undefined
}

/** Everything in which the plans differ, side by side. */
export function PlanComparison({ plans, interval, currentPlanId }: PlanComparisonProps) {
  return (
    <Paper withBorder p={{ base: 'xs', sm: 'md' }} miw={0}>
      <Table.ScrollContainer
        minWidth={130 + plans.length * 115}
        scrollAreaProps={{ viewportProps: { tabIndex: 0, 'aria-label': 'Plans side by side' } }}
      >
        <Table verticalSpacing="sm" layout="fixed">
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={{ base: 130, sm: 220 }} style={{ verticalAlign: 'bottom' }}>
                <VisuallyHidden>What it includes</VisuallyHidden>
              </Table.Th>
              {plans.map((plan) => (
                <Table.Th key={plan.id} scope="col" style={{ verticalAlign: 'bottom', overflowWrap: 'anywhere' }}>
                  {plan.name}
                  <Text size="xs" c="dimmed" fw={400}>
                    {plan.id === currentPlanId ? 'Your plan' : priceWords(plan, interval)}
                  </Text>
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {comparePlans(plans).map(({ title, help, values }) => (
              <Table.Tr key={title}>
                <Table.Th scope="row" fw={550} style={{ verticalAlign: 'top' }}>
                  {title}
                  <Text size="xs" c="dimmed" fw={400} visibleFrom="sm">
                    {help}
                  </Text>
                </Table.Th>
                {values.map((value, index) => (
                  <Table.Td key={plans[index]?.id} style={{ verticalAlign: 'top' }}>
                    <Value value={value} />
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Paper>
  )
}

function Value({ value }: { value: string | boolean }) {
  if (typeof value === 'string') return value
  const IconShape = value ? IconCheck : IconMinus
  return (
    <>
      <IconShape size={18} color={value ? 'var(--mantine-color-anchor)' : 'var(--mantine-color-dimmed)'} aria-hidden />
      <VisuallyHidden>{value ? 'Yes' : 'No'}</VisuallyHidden>
    </>
  )
}
