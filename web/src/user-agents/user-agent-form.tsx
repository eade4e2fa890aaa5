import { Box, Button, Card, Group, Paper, Select, Stack, Text, TextInput } from '@mantine/core'
import { IconArrowBackUp, IconWand } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react'
import { ApiError, type Fault } from '../../../api-client/src/api-error.ts'
import type { SettingsSchema } from '../../../server/src/agents/capabilities.ts'
import { validateSettings } from '../../../server/src/agents/validate-settings.ts'
import type { FormValue } from '../settings-form/form-value.ts'
import { faultsBelow, focusFirstFault } from '../settings-form/settings-faults.ts'
import { SettingsForm } from '../settings-form/settings-form.tsx'
import { withoutEmpty } from '../settings-form/settings-validator.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { useDraft } from '../ui/use-draft.ts'
import { modelsQuery } from './user-agent-queries.ts'

export interface UserAgentValues {
  name: string
  /** null: the operator's default. */
  model: string | null
  settings: FormValue
}

interface UserAgentFormProps {
  schema: SettingsSchema
  initial: UserAgentValues
  /** Fills the settings in one click. */
  example?: FormValue
  /** Names the draft that outlives a reload. */
  draftKey: string
  submitLabel: string
  /** Shown from the beginning, e.g. what a new version asks for; paths such as `/settings/email`. */
  initialFaults?: readonly Fault[]
  onSubmit: (values: UserAgentValues) => Promise<unknown>
  /** Beside the button that saves. */
  extraAction?: ReactNode
  /** Below the questions, such as the accounts. */
  children?: ReactNode
}

/** Name, model and settings of a user agent, with the faults of browser and server at their fields. */
export function UserAgentForm(props: UserAgentFormProps) {
  const { schema, initial, example, draftKey, submitLabel, initialFaults = [], onSubmit, extraAction, children } = props
  const draft = useDraft(draftKey, initial)
  const { name, model, settings } = draft.value
  const [faults, setFaults] = useState<readonly Fault[]>(initialFaults)
  const [hasTried, setHasTried] = useState(initialFaults.length > 0)
  const [error, setError] = useState<unknown>(null)
  const [isBusy, setIsBusy] = useState(false)
  const [focusRequest, setFocusRequest] = useState(0)
  const form = useRef<HTMLFormElement>(null)

  // After the faults were drawn, not before: the fields carry them then.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a request moves the focus, not each change of the faults.
  useEffect(() => {
    if (focusRequest > 0) focusFirstFault(form.current, faults.map(toFieldFault))
  }, [focusRequest])

  const check = (values: UserAgentValues): Fault[] => [
    ...(values.name.trim() === '' ? [{ path: '/name', message: 'Please give it a name.' }] : []),
    ...validateSettings(schema, withoutEmpty(values.settings)).map((fault) => ({
      ...fault,
      path: `/settings${fault.path}`,
    })),
  ]
  const change = (part: Partial<UserAgentValues>) => {
    draft.update((before) => ({ ...before, ...part }))
    if (hasTried) setFaults(check({ ...draft.value, ...part }))
  }
  const show = (found: readonly Fault[]) => {
    setHasTried(true)
    setFaults(found)
    setFocusRequest((count) => count + 1)
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (isBusy) return
    setError(null)
    const found = check(draft.value)
    if (found.length > 0) return show(found)
    setIsBusy(true)
    try {
      await onSubmit({ name: name.trim(), model, settings: withoutEmpty(settings) })
      draft.clear()
    } catch (thrown) {
      setError(thrown)
      if (thrown instanceof ApiError && thrown.errors.length > 0) show(thrown.errors)
    } finally {
      setIsBusy(false)
    }
  }
  const faultOf = (path: string) => faults.find((fault) => fault.path === path)?.message
  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Stack gap="lg">
        {draft.isRestored && (
          <Paper withBorder p="sm" radius="md">
            <Group justify="space-between">
              <Text size="sm">This is what you typed before.</Text>
              <Button size="xs" variant="subtle" onClick={draft.discard}>
                Start afresh
              </Button>
            </Group>
          </Paper>
        )}
        {example && Object.keys(example).length > 0 && (
          <ExampleBar example={example} value={settings} onChange={(next) => change({ settings: next })} />
        )}
        <Card p={{ base: 'md', sm: 'xl' }}>
          <Stack gap="xl">
            <TextInput
              id="name"
              label="Name"
              description="What you call it."
              withAsterisk
              maxLength={100}
              value={name}
              onChange={(event) => change({ name: event.currentTarget.value })}
              error={faultOf('/name')}
            />
            <ModelField value={model} onChange={(next) => change({ model: next })} fault={faultOf('/model')} />
            <SettingsForm
              schema={schema}
              value={settings}
              onChange={(next) => change({ settings: next })}
              faults={faultsBelow('/settings', faults)}
            />
          </Stack>
        </Card>
        {children}
        {error !== null && <ErrorState error={error} />}
        <Box className="ax-action-bar">
          <Group justify="space-between" gap="sm">
            <Text size="sm" c="var(--mantine-color-error)" role="status">
              {faults.length > 0 &&
                `${faults.length === 1 ? '1 answer needs' : `${faults.length} answers need`} a look.`}
            </Text>
            <Group gap="sm">
              {extraAction}
              <Button type="submit" size="md" loading={isBusy}>
                {submitLabel}
              </Button>
            </Group>
          </Group>
        </Box>
      </Stack>
    </form>
  )
}

/** Ids in the page: fields of the settings carry a prefix, the name does not. */
function toFieldFault(fault: Fault): Fault {
  return fault.path.startsWith('/settings') ? { ...fault, path: fault.path.slice('/settings'.length) } : fault
}

interface ExampleBarProps {
  example: FormValue
  value: FormValue
  onChange: (settings: FormValue) => void
}

function ExampleBar({ example, value, onChange }: ExampleBarProps) {
  const [before, setBefore] = useState<FormValue | null>(null)
  return (
    <Paper p="md" radius="lg" bg="var(--mantine-color-spruce-light)">
      <Group justify="space-between" gap="sm">
        <Text size="sm" flex="1 1 240px" c="var(--mantine-color-spruce-light-color)">
          {before === null
            ? 'In a hurry? Fill in a made-up business, try the agent, and put in your own answers later.'
            : 'The example is filled in. Change what you like, or go straight on.'}
        </Text>
        {before === null ? (
          <Button
            leftSection={<IconWand size={17} aria-hidden />}
            onClick={() => {
              setBefore(value)
              onChange(example)
            }}
          >
            Use example
          </Button>
        ) : (
          <Button
            variant="default"
            leftSection={<IconArrowBackUp size={17} aria-hidden />}
            onClick={() => {
              onChange(before)
              setBefore(null)
            }}
          >
            Undo
          </Button>
        )}
      </Group>
    </Paper>
  )
}

function ModelField({
  value,
  onChange,
  fault,
}: {
  value: string | null
  onChange: (model: string | null) => void
  fault?: string
}) {
  const { data: models = [] } = useQuery(modelsQuery)
  // A model that is no longer offered stays visible, so that the person sees why they must choose.
  const isGone = value !== null && models.length > 0 && !models.some((model) => model.id === value)
  if (models.length < 2 && !isGone) return null
  const standard = models.find((model) => model.is_default)
  return (
    <Select
      id="model"
      label="Model"
      description="Which model answers."
      data={[
        { value: '', label: standard ? `Default (${standard.label})` : 'Default' },
        ...models.map((model) => ({ value: model.id, label: model.label })),
        ...(isGone ? [{ value, label: `${value} (no longer offered)` }] : []),
      ]}
      value={value ?? ''}
      onChange={(next) => onChange(next || null)}
      allowDeselect={false}
      maw={420}
      error={fault ?? (isGone ? 'This model is no longer offered. Please choose another.' : undefined)}
    />
  )
}
