import {
  Group,
  MultiSelect,
  NativeSelect,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useId } from 'react'
import { Section } from '../../account/section.tsx'
import { integrationTypesQuery } from '../../integrations/integration-queries.ts'
import { limitWords, switchWords } from '../../limits/limit-words.ts'
import { limitNames, type PlanDraft, switchNames } from './plan-draft.ts'

export interface FieldProps {
  draft: PlanDraft
  change: (part: Partial<PlanDraft>) => void
  faultAt: (path: string) => string | undefined
}

/** Everything that can be said of a plan. */
export function PlanFields(props: FieldProps) {
  return (
    <Stack gap="lg">
      <Basics {...props} />
      <Prices {...props} />
      <Limits {...props} />
      <Inclusions {...props} />
      <CardLines {...props} />
    </Stack>
  )
}

function Basics({ draft, change, faultAt }: FieldProps) {
  return (
    <Section title="What it is">
      <TextInput
        label="Name"
        maxLength={100}
        value={draft.name}
        onChange={(event) => change({ name: event.currentTarget.value })}
        error={faultAt('/name')}
        required
      />
      <Textarea
        label="Whom it is for"
        description="One or two sentences under the price."
        autosize
        minRows={2}
        maxLength={600}
        value={draft.description}
        onChange={(event) => change({ description: event.currentTarget.value })}
        error={faultAt('/description')}
        required
      />
      <Switch
        label="Everybody can choose it"
        description="Off: only those you offer it to see it."
        checked={draft.is_public}
        onChange={(event) => change({ is_public: event.currentTarget.checked })}
      />
      <Switch
        label="What users have without a subscription"
        description="Costs nothing, and takes the place of the plan that was it before."
        checked={draft.is_default}
        onChange={(event) => change({ is_default: event.currentTarget.checked })}
        error={faultAt('/is_default')}
      />
      <TextInput
        label="Position"
        description="Plans are listed by it, the smallest first."
        inputMode="numeric"
        maw={160}
        maxLength={5}
        value={draft.position}
        onChange={(event) => change({ position: event.currentTarget.value })}
        error={faultAt('/position')}
      />
    </Section>
  )
}

const currencies = Intl.supportedValuesOf('currency')

function Prices({ draft, change, faultAt }: FieldProps) {
  return (
    <Section
      title="What it costs"
      description="New prices are for who subscribes from then on; who has the plan keeps the price it began with."
    >
      <Switch
        label="By arrangement"
        description="No price is shown; users ask you."
        checked={draft.is_by_arrangement}
        onChange={(event) => change({ is_by_arrangement: event.currentTarget.checked })}
      />
      <SimpleGrid cols={{ base: 1, xs: 3 }} spacing="sm">
        <TextInput
          label="Price a month"
          inputMode="decimal"
          placeholder={draft.is_by_arrangement ? '0' : '49'}
          maxLength={10}
          value={draft.price}
          onChange={(event) => change({ price: event.currentTarget.value })}
          error={faultAt('/price')}
        />
        <TextInput
          label="Price a year"
          inputMode="decimal"
          placeholder="Only by the month"
          maxLength={10}
          value={draft.yearly_price}
          onChange={(event) => change({ yearly_price: event.currentTarget.value })}
          error={faultAt('/yearly_price')}
        />
        <Select
          label="Currency"
          searchable
          allowDeselect={false}
          data={currencies}
          value={draft.currency}
          onChange={(currency) => currency && change({ currency })}
          error={faultAt('/currency')}
        />
      </SimpleGrid>
      <TextInput
        label="Days of trial"
        description="Free at the beginning, once a user; 0 for none."
        inputMode="numeric"
        maw={160}
        maxLength={3}
        value={draft.trial_days}
        onChange={(event) => change({ trial_days: event.currentTarget.value })}
        error={faultAt('/trial_days')}
      />
    </Section>
  )
}

function Limits({ draft, change, faultAt }: FieldProps) {
  return (
    <Section title="Limits" description="They hold at once for everybody who has the plan.">
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="lg">
        {limitNames.map((name) => (
          <LimitField
            key={name}
            name={name}
            value={draft.limits[name]}
            onChange={(value) => change({ limits: { ...draft.limits, [name]: value } })}
            error={faultAt(`/features/limits/${name}`)}
          />
        ))}
      </SimpleGrid>
    </Section>
  )
}

interface LimitFieldProps {
  name: (typeof limitNames)[number]
  value: string | null
  onChange: (value: string | null) => void
  error: string | undefined
}

const units: Partial<Record<LimitFieldProps['name'], string>> = {
  cost_usd_per_month: '$',
  log_retention_days: 'days',
  upload_kb: 'kB',
}

function LimitField({ name, value, onChange, error }: LimitFieldProps) {
  const { title, help } = limitWords(name)
  return (
    <div>
      <TextInput
        label={title}
        description={help}
        inputMode={name === 'cost_usd_per_month' ? 'decimal' : 'numeric'}
        maxLength={13}
        disabled={value === null}
        placeholder={value === null ? 'No limit' : undefined}
        rightSection={
          units[name] && (
            <Text size="xs" c="dimmed">
              {units[name]}
            </Text>
          )
        }
        rightSectionWidth={44}
        value={value ?? ''}
        onChange={(event) => onChange(event.currentTarget.value)}
        error={error}
      />
      <Switch
        mt={8}
        size="xs"
        label="No limit"
        aria-label={`No limit: ${title}`}
        checked={value === null}
        onChange={(event) => onChange(event.currentTarget.checked ? null : '')}
      />
    </div>
  )
}

function Inclusions({ draft, change, faultAt }: FieldProps) {
  const types = useQuery(integrationTypesQuery).data ?? []
  const modelsId = useId()
  return (
    <Section title="What can be used">
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
        {switchNames.map((name) => (
          <Switch
            key={name}
            label={switchWords(name).title}
            description={switchWords(name).help}
            checked={draft.switches[name]}
            onChange={(event) => change({ switches: { ...draft.switches, [name]: event.currentTarget.checked } })}
          />
        ))}
      </SimpleGrid>
      <div>
        <Text size="sm" fw={500} mb={4} id={modelsId}>
          Models
        </Text>
        <SegmentedControl
          aria-labelledby={modelsId}
          value={draft.models}
          onChange={(models) => change({ models: models === 'all' ? 'all' : 'built_in' })}
          data={[
            { value: 'built_in', label: 'Built-in only' },
            { value: 'all', label: 'All of this site' },
          ]}
        />
      </div>
      <Switch
        label="Every kind of account can be connected"
        checked={draft.integration_types === null}
        onChange={(event) => change({ integration_types: event.currentTarget.checked ? null : [] })}
      />
      {draft.integration_types !== null && (
        <MultiSelect
          label="Kinds of accounts"
          placeholder={draft.integration_types.length === 0 ? 'None' : undefined}
          searchable
          data={typeOptions(types, draft.integration_types)}
          value={draft.integration_types}
          onChange={(integration_types) => change({ integration_types })}
          error={faultAt('/features/integration_types')}
        />
      )}
      <Group>
        <NativeSelect
          label="Support"
          value={draft.support}
          onChange={(event) =>
            change({ support: supports.find((one) => one === event.currentTarget.value) ?? 'email' })
          }
          data={[
            { value: 'community', label: 'Community' },
            { value: 'email', label: 'By e-mail' },
            { value: 'priority', label: 'By e-mail, first in line' },
          ]}
        />
      </Group>
    </Section>
  )
}

const supports = ['community', 'email', 'priority'] as const

/** Also those that this version no longer knows: they were chosen once. */
function typeOptions(types: readonly { type: string; title: string }[], chosen: readonly string[]) {
  const known = types.map(({ type, title }) => ({ value: type, label: title }))
  const unknown = chosen.filter((type) => !types.some((one) => one.type === type))
  return [...known, ...unknown.map((type) => ({ value: type, label: type }))]
}

function CardLines({ draft, change, faultAt }: FieldProps) {
  return (
    <Section title="On the card">
      <Textarea
        label="Lines of your own"
        description="One a line, at most 8. What the limits say already stands there by itself."
        autosize
        minRows={3}
        maxLength={1200}
        value={draft.highlights}
        onChange={(event) => change({ highlights: event.currentTarget.value })}
        error={faultAt('/features/highlights')}
      />
    </Section>
  )
}
