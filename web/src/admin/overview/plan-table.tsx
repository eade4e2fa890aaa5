import { Paper, Table, Text } from '@mantine/core'
import { formatCount } from '../../agent-logs/format-run.ts'
import { formatMoney } from '../../plans/money.ts'
import { TextLink } from '../../ui/links.tsx'
import type { Revenue } from './revenue-figures.ts'

/** Who pays for what now, most money first. */
export function PlanTable({ plans }: Pick<Revenue, 'plans'>) {
  return (
    <Paper withBorder p="md" miw={0}>
      <Table verticalSpacing="xs" captionSide="top">
        <Table.Caption mt={0} mb={4} ta="left">
          <Text fw={600} c="var(--mantine-color-text)" component="span">
            By plan
          </Text>
        </Table.Caption>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Plan</Table.Th>
            <Table.Th scope="col" ta="right">
              Paying
            </Table.Th>
            <Table.Th scope="col" ta="right">
              A month
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {plans.map((plan) => (
            <Table.Tr key={`${plan.plan_id} ${plan.currency}`}>
              <Table.Th scope="row" fw={500} style={{ overflowWrap: 'anywhere' }}>
                <TextLink to="/admin/plans/$planId" params={{ planId: plan.plan_id }}>
                  {plan.name}
                </TextLink>
              </Table.Th>
              <Table.Td ta="right">{formatCount(plan.paying)}</Table.Td>
              <Table.Td ta="right">{formatMoney(plan.mrr, plan.currency)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Paper>
  )
}
