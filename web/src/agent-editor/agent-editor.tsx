import { Box, Button, Grid, Group, List, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useCallback, useEffect, useRef, useState } from 'react'
import { ApiError, type Fault } from '../../../api-client/src/api-error.ts'
import { faultsBelow } from '../settings-form/settings-faults.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { useDraft } from '../ui/use-draft.ts'
import { StartersSection, ToolsSection } from './abilities-section.tsx'
import { type AgentDraft, isSameAt } from './agent-draft.ts'
import { BasicsSection } from './basics-section.tsx'
import { FieldsSection } from './fields-section.tsx'
import { InstructionsSection } from './instructions-section.tsx'
import { PreviewSection } from './preview-section.tsx'
import { Section } from './section.tsx'

interface AgentEditorProps {
  initial: AgentDraft
  draftKey: string
  /** True where people may already use the agent, so that they must be told what changed. */
  asksForChange: boolean
  submitLabel: string
  onSubmit: (draft: AgentDraft) => Promise<unknown>
}

/** Everything a creator can say of an agent, without code. */
export function AgentEditor({ initial, draftKey, asksForChange, submitLabel, onSubmit }: AgentEditorProps) {
  const saved = useDraft(draftKey, initial)
  const [found, setFound] = useState<{ faults: readonly Fault[]; draft: AgentDraft } | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [isBusy, setIsBusy] = useState(false)
  const [focusRequest, setFocusRequest] = useState(0)
  const form = useRef<HTMLFormElement>(null)
  const draft = saved.value
  // A fault is gone as soon as something changes at its place; whether the change is right the next save tells.
  const faults = found?.faults.filter(({ path }) => isSameAt(path, found.draft, draft)) ?? []

  const change = useCallback(
    (part: Partial<AgentDraft> | ((before: AgentDraft) => AgentDraft)) =>
      saved.update((before) => (typeof part === 'function' ? part(before) : { ...before, ...part })),
    [saved.update],
  )
  const faultAt = (path: string, isDeep = false) =>
    faults.find((fault) => fault.path === path || (isDeep && fault.path.startsWith(`${path}/`)))?.message

  useEffect(() => {
    if (focusRequest === 0) return
    const first = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')
    first?.scrollIntoView({ block: 'center' })
    first?.focus({ preventScroll: true })
  }, [focusRequest])

  const show = (shown: readonly Fault[]) => {
    setFound({ faults: shown, draft })
    setFocusRequest((count) => count + 1)
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (isBusy) return
    setError(null)
    const missing = findMissing(draft)
    if (missing.length > 0) return show(missing)
    setFound(null)
    setIsBusy(true)
    try {
      await onSubmit(draft)
      saved.clear()
    } catch (thrown) {
      setError(thrown)
      if (thrown instanceof ApiError) show(thrown.errors.map(withoutPrefix))
    } finally {
      setIsBusy(false)
    }
  }
  const section = { draft, change, faultAt }
  return (
    <form ref={form} onSubmit={submit} noValidate>
      <Grid gap="lg" align="flex-start">
        <Grid.Col span={{ base: 12, lg: 7 }}>
          <Stack gap="lg">
            <BasicsSection {...section} />
            <FieldsSection {...section} />
            <InstructionsSection {...section} />
            <ToolsSection {...section} />
            <StartersSection {...section} />
            {asksForChange && (
              <Section
                id="change-title"
                title="What changed"
                help="People who set the agent up read this before they update."
              >
                <TextInput
                  aria-label="What changed"
                  placeholder="Also answers in French."
                  maxLength={500}
                  value={draft.changeSummary}
                  onChange={(event) => change({ changeSummary: event.currentTarget.value })}
                  error={faultAt('/change_summary')}
                />
              </Section>
            )}
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 5 }}>
          <Box className="ax-preview">
            <PreviewSection {...section} faults={faultsBelow('/example_settings', faults)} />
          </Box>
        </Grid.Col>
      </Grid>
      <Stack mt="lg" gap="md">
        {error !== null && <ErrorState error={error} />}
        <Unplaced faults={faults} draft={draft} />
        <Box className="ax-action-bar">
          <Group justify="space-between" gap="sm">
            <Text size="sm" c="var(--mantine-color-error)" role="status">
              {faults.length > 0 && `${faults.length === 1 ? '1 thing needs' : `${faults.length} things need`} a look.`}
            </Text>
            <Group gap="sm">
              {saved.isRestored && (
                <Button variant="default" size="md" onClick={saved.discard}>
                  Start afresh
                </Button>
              )}
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

/** What is plain without asking the server. */
function findMissing(draft: AgentDraft): Fault[] {
  const message = 'Please fill this in.'
  return [
    ...(draft.name.trim() === '' ? [{ path: '/name', message }] : []),
    ...(draft.description.trim() === '' ? [{ path: '/description', message }] : []),
    ...draft.fields.flatMap((field) => {
      const path = `/settings/properties/${field.name}`
      if (field.title.trim() === '') return [{ path, message }]
      return field.kind === 'choice' && field.choices.length === 0
        ? [{ path, message: 'Please add at least one choice.' }]
        : []
    }),
    ...(draft.instructions.trim() === '' ? [{ path: '/instructions', message }] : []),
  ]
}

function withoutPrefix({ path, message }: Fault): Fault {
  return { path: path.replace(/^\/capabilities(?=\/|$)/, ''), message }
}

/** Faults that no field of this editor shows. */
function Unplaced({ faults, draft }: { faults: readonly Fault[]; draft: AgentDraft }) {
  const places = [
    ...[
      '/name',
      '/type',
      '/description',
      '/instructions',
      '/change_summary',
      '/tools',
      '/knowledge',
      '/example_settings',
    ],
    ...draft.fields.map((field) => `/settings/properties/${field.name}`),
    ...draft.starters.map((_, index) => `/starters/${index}`),
  ]
  const rest = faults.filter(({ path }) => !places.some((place) => path === place || path.startsWith(`${place}/`)))
  if (rest.length === 0) return null
  return (
    <List size="sm" c="var(--mantine-color-error)">
      {rest.map((fault) => (
        <List.Item key={`${fault.path} ${fault.message}`}>
          {fault.path}: {fault.message}
        </List.Item>
      ))}
    </List>
  )
}
