import { Anchor, Badge, Group, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { formatMoney } from '../plans/money.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { type Invoice, invoicesQuery } from './subscription-queries.ts'
import { longDate } from './subscription-words.ts'

const statusWords = {
  paid: { label: 'Paid', color: 'spruce' },
  open: { label: 'To be paid', color: 'honey' },
  void: { label: 'Void', color: 'gray' },
  uncollectible: { label: 'Not paid', color: 'red' },
} as const satisfies Record<Invoice['status'], { label: string; color: string }>

/** What was paid, as Stripe has it at this moment. */
export function InvoiceTable() {
  const { data, error, isFetching, refetch } = useQuery(invoicesQuery)
  if (error) return <ErrorState error={error} onRetry={() => void refetch()} isRetrying={isFetching} />
  if (!data) return <LoadingState label="Loading the invoices" />
  if (data.length === 0) return <Text c="dimmed">There are none yet. What you pay is listed here, with its PDF.</Text>
  return (
    <Table.ScrollContainer
      minWidth={460}
      scrollAreaProps={{ viewportProps: { tabIndex: 0, 'aria-label': 'Table of invoices' } }}
    >
      <Table verticalSpacing="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Date</Table.Th>
            <Table.Th scope="col">Number</Table.Th>
            <Table.Th scope="col" ta="right">
              Amount
            </Table.Th>
            <Table.Th scope="col">State</Table.Th>
            <Table.Th scope="col">Look at it</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {data.map((invoice) => (
            <InvoiceRow key={invoice.id} invoice={invoice} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function InvoiceRow({ invoice }: { invoice: Invoice }) {
  const { number, created_at, total, currency, status, hosted_url, pdf_url } = invoice
  const name = number ?? longDate(created_at)
  return (
    <Table.Tr>
      <Table.Td>{longDate(created_at)}</Table.Td>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>{number ?? '–'}</Table.Td>
      <Table.Td ta="right">{formatMoney(total, currency)}</Table.Td>
      <Table.Td>
        <Badge color={statusWords[status].color}>{statusWords[status].label}</Badge>
      </Table.Td>
      <Table.Td>
        <Group gap="md" wrap="nowrap">
          {hosted_url && (
            <Anchor href={hosted_url} target="_blank" rel="noopener noreferrer" size="sm" underline="always">
              {status === 'open' ? 'Pay' : 'Open'}
              <span className="ax-visually-hidden"> invoice {name}</span>
            </Anchor>
          )}
          {pdf_url && (
            <Anchor href={pdf_url} target="_blank" rel="noopener noreferrer" size="sm" underline="always">
              PDF<span className="ax-visually-hidden"> of invoice {name}</span>
            </Anchor>
          )}
        </Group>
      </Table.Td>
    </Table.Tr>
  )
}
