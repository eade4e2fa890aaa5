import { Alert, Badge, Card, Code, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconCircleDashed } from '@tabler/icons-react'
import { queryOptions, useQuery } from '@tanstack/react-query'
import type { ResponseOf } from '../../../../api-client/src/route-types.ts'
import { countOf, formatCost } from '../../agent-logs/format-run.ts'
import { api } from '../../api.ts'
import { ErrorState } from '../../ui/error-state.tsx'
import { LoadingState } from '../../ui/loading-state.tsx'
import { Page } from '../../ui/page.tsx'
import { AdminOnly } from '../admin-only.tsx'
import { ModelPrice } from './model-price.tsx'

export type AdminModels = ResponseOf<'GET /api/v1/admin/models'>
export type AdminModel = AdminModels['data'][number]

export const adminModelsQuery = queryOptions({
  queryKey: ['admin-models'],
  queryFn: ({ signal }) => api('GET /api/v1/admin/models', { signal }),
})

const title = 'Models and prices'

export function AdminModelsPage() {
  return (
    <AdminOnly title={title}>
      <Page
        title={title}
        subtitle="Who answers, and what it costs you. Limits of money and your figures count by these prices, in US dollars per million tokens."
      >
        <Models />
      </Page>
    </AdminOnly>
  )
}

function Models() {
  const { data, error, isFetching, refetch } = useQuery(adminModelsQuery)
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} isRetrying={isFetching} />
  if (!data) return <LoadingState label="Loading the models" />
  const unpriced = data.data.filter((model) => model.unpriced)
  return (
    <>
      <section aria-labelledby="providers">
        <Title order={2} size="h3" id="providers" mb="sm">
          Providers
        </Title>
        <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="sm">
          {data.providers.map((provider) => (
            <Provider key={provider.id} provider={provider} />
          ))}
        </SimpleGrid>
      </section>
      <section aria-labelledby="models">
        <Title order={2} size="h3" id="models" mb="sm">
          Models
        </Title>
        {unpriced.length > 0 && (
          <Alert
            color="honey"
            icon={<IconAlertTriangle aria-hidden />}
            title={`${countOf(unpriced.length, 'model')} without a price`}
            mb="sm"
          >
            Their runs count as costing nothing: no limit of money holds them. Set a price, 0 where they run on your own
            machine.
          </Alert>
        )}
        <Stack gap="sm">
          {data.data.map((model) => (
            <Model key={model.id} model={model} />
          ))}
        </Stack>
      </section>
    </>
  )
}

function Provider({ provider }: { provider: AdminModels['providers'][number] }) {
  const { label, is_configured, missing, models } = provider
  return (
    <Card padding="md" component="article" aria-label={label}>
      <Group gap="xs" wrap="nowrap">
        {is_configured ? (
          <IconCircleCheck size={20} color="var(--mantine-color-spruce-filled)" aria-hidden />
        ) : (
          <IconCircleDashed size={20} color="var(--mantine-color-dimmed)" aria-hidden />
        )}
        <Text fw={600}>{label}</Text>
      </Group>
      <Text size="sm" c="dimmed" mt={4} component="div">
        {is_configured ? (
          `Set up, ${countOf(models, 'model')} on offer`
        ) : (
          <>
            Not set up
            {missing.length > 0 && (
              <>
                : needs{' '}
                {missing.map((name, index) => (
                  <span key={name}>
                    {index > 0 && ', '}
                    <Code style={{ overflowWrap: 'anywhere' }}>{name}</Code>
                  </span>
                ))}
              </>
            )}
          </>
        )}
      </Text>
    </Card>
  )
}

function Model({ model }: { model: AdminModel }) {
  return (
    <Card padding="md" component="article" aria-label={model.label}>
      <Group justify="space-between" align="flex-start" gap="md">
        <div style={{ flex: '1 1 240px', minWidth: 0 }}>
          <Group gap="xs">
            <Title order={3} size="h4">
              {model.label}
            </Title>
            {model.is_default && <Badge>Default</Badge>}
            {!model.is_offered && <Badge color="gray">Not on offer</Badge>}
            {model.unpriced && <Badge color="honey">No price</Badge>}
          </Group>
          <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {model.id}
          </Text>
          <Text size="sm" mt={4}>
            {model.runs === 0
              ? 'Not used this month'
              : `${countOf(model.runs, 'run')} this month for ${model.unpriced_runs > 0 ? 'at least ' : ''}${formatCost(model.cost_usd)}`}
          </Text>
        </div>
        {model.is_built_in ? (
          <Text size="sm" c="dimmed">
            Part of this program, costs nothing
          </Text>
        ) : (
          <ModelPrice model={model} />
        )}
      </Group>
    </Card>
  )
}
