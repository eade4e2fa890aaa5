import { Alert, Button, Grid, Group, Modal, Paper, Stack, Text, TextInput } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconInfoCircle, IconPlugConnected } from '@tabler/icons-react'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { ApiError, type Fault } from '../../../api-client/src/api-error.ts'
import type { Integration, IntegrationType } from '../../../api-client/src/api-types.ts'
import type { FormValue } from '../settings-form/form-value.ts'
import { faultsBelow, focusFirstFault } from '../settings-form/settings-faults.ts'
import { SettingsForm } from '../settings-form/settings-form.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { Markdown } from '../ui/markdown.tsx'
import { IntegrationIcon } from './integration-icon.tsx'
import { changesOf, checkEntered, completeSettings, shownForm } from './shown-form.ts'
import { StoredCredentials } from './stored-credentials.tsx'
import { TestResult } from './test-result.tsx'
import { useConnectionTest } from './use-connection-test.ts'

/** One account as it is filled in. */
export interface ConnectionEntry {
  name: string
  settings: FormValue
  credentials: FormValue
}

interface ConnectionDialogProps {
  type: IntegrationType
  /** What was filled in before. */
  entry?: ConnectionEntry
  /** The stored account that is changed; its credentials stay where nothing new is typed. */
  integration?: Integration
  /** For what the server said to this entry before. */
  initialError?: unknown
  saveLabel: string
  /** The dialog stays open, with everything in it, when it throws. A credential that is null is to be taken away. */
  onSave: (entry: ConnectionEntry) => Promise<unknown>
  /** Tries it as it stands in the form. A stored account is changed first. */
  onTest: (entry: ConnectionEntry) => Promise<{ ok: boolean; message: string }>
  onClose: () => void
}

/** The form of one account, with its documentation beside it. */
export function ConnectionDialog(props: ConnectionDialogProps) {
  const { type, integration, onClose } = props
  const isPhone = useMediaQuery('(max-width: 48em)')
  return (
    <Modal
      opened
      onClose={onClose}
      size={940}
      fullScreen={isPhone}
      radius={isPhone ? 0 : 'lg'}
      title={
        <Group gap="sm" wrap="nowrap">
          <IntegrationIcon icon={type.icon} size={34} />
          <Text fw={650}>{integration ? `Change ${integration.name ?? type.title}` : `Connect ${type.title}`}</Text>
        </Group>
      }
      closeButtonProps={{ 'aria-label': 'Close' }}
      // What was typed would be gone with a slip of the hand.
      closeOnClickOutside={false}
    >
      <Grid gap="xl">
        <Grid.Col span={{ base: 12, sm: 7 }}>
          <EntryForm {...props} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, sm: 5 }}>
          <Documentation type={type} />
        </Grid.Col>
      </Grid>
    </Modal>
  )
}

function EntryForm(props: ConnectionDialogProps) {
  const { type, integration, saveLabel, onClose } = props
  const form = useRef<HTMLFormElement>(null)
  const entry = useEntry(props, form)
  const { name, settings, credentials, faults } = entry
  const complete = completeSettings(type.settings, settings)
  const asked = shownForm(type.credentials, complete, entry.kept)
  return (
    <form
      ref={form}
      noValidate
      autoComplete="off"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        // The dialog may stand inside another form of the page; events of React go that way, too.
        event.stopPropagation()
        entry.save()
      }}
    >
      <Stack gap="lg">
        <Text size="sm">{type.description}</Text>
        {type.needs_oauth && !type.is_oauth_configured && <NoOAuth title={type.title} />}
        <TextInput
          id="connection_name"
          label="Name"
          description="Yours, to tell several of a kind apart. May stay empty."
          maxLength={100}
          value={name}
          onChange={(event) => entry.change({ name: event.currentTarget.value })}
          error={faults.find(({ path }) => path === '/name')?.message}
        />
        <SettingsForm
          idPrefix="connection"
          schema={shownForm(type.settings, complete)}
          value={settings}
          onChange={(next) => entry.change({ settings: next })}
          faults={faultsBelow('/settings', faults)}
        />
        {integration && (
          <StoredCredentials
            form={shownForm(type.credentials, complete)}
            summary={Object.fromEntries(
              Object.entries(integration.credentials).filter(([field]) => entry.kept.includes(field)),
            )}
            removed={entry.removed}
            onChange={entry.typeAnew}
            onRemove={entry.remove}
            onKeep={entry.keep}
          />
        )}
        {Object.keys(asked.properties).length > 0 && (
          <SettingsForm
            idPrefix="credentials"
            schema={asked}
            value={credentials}
            onChange={(next) => entry.change({ credentials: next })}
            faults={faultsBelow('/credentials', faults)}
          />
        )}
        {Object.keys(type.credentials.properties).length > 0 && (
          <Text size="xs" c="dimmed">
            Stored encrypted. Nobody, not even you, can read it back, and the model never sees it.
          </Text>
        )}
        <TestResult state={entry.test.state} />
        {entry.error !== null && <ErrorState error={entry.error} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="subtle" color="gray" onClick={onClose}>
            Cancel
          </Button>
          <Button
            variant="default"
            leftSection={<IconPlugConnected size={17} aria-hidden />}
            onClick={entry.tryOut}
            loading={entry.test.state?.kind === 'testing'}
            disabled={entry.isBusy}
          >
            {integration ? 'Save and test' : 'Test'}
          </Button>
          <Button type="submit" loading={entry.isBusy}>
            {saveLabel}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function useEntry(props: ConnectionDialogProps, form: React.RefObject<HTMLFormElement | null>) {
  const { type, integration, initialError, onSave, onTest } = props
  const [entry, setEntry] = useState<ConnectionEntry>(
    () =>
      props.entry ?? {
        name: integration?.name ?? '',
        settings: (integration?.settings as FormValue | undefined) ?? {},
        credentials: {},
      },
  )
  const [typedAnew, setTypedAnew] = useState<string[]>([])
  const [removed, setRemoved] = useState<string[]>([])
  const [faults, setFaults] = useState<readonly Fault[]>(() =>
    initialError instanceof ApiError ? initialError.errors : [],
  )
  const [hasTried, setHasTried] = useState(faults.length > 0)
  const [error, setError] = useState<unknown>(initialError ?? null)
  const [isBusy, setIsBusy] = useState(false)
  const [focusRequest, setFocusRequest] = useState(0)
  const test = useConnectionTest()
  const kept = Object.keys(integration?.credentials ?? {}).filter((field) => !typedAnew.includes(field))

  // biome-ignore lint/correctness/useExhaustiveDependencies: only a request moves the focus, not each change of the faults.
  useEffect(() => {
    if (focusRequest === 0) return
    focusFirstFault(form.current, faultsBelow('/credentials', faults), 'credentials')
    focusFirstFault(form.current, faultsBelow('/settings', faults), 'connection')
  }, [focusRequest])

  const change = (part: Partial<ConnectionEntry>) => {
    const next = { ...entry, ...part }
    setEntry(next)
    test.clear()
    if (hasTried) setFaults(checkEntered(type, { ...next, kept }))
  }
  const show = (found: readonly Fault[]) => {
    setHasTried(true)
    setFaults(found)
    // What is stored and was refused, as it would go to another server now, has to be typed again.
    const refused = kept.filter((field) => found.some(({ path }) => path === `/credentials/${field}`))
    if (refused.length > 0) setTypedAnew((fields) => [...fields, ...refused])
    setFocusRequest((count) => count + 1)
  }
  const changes = (): ConnectionEntry => ({
    name: entry.name.trim(),
    ...changesOf(type, { ...entry, kept, removed }, { settings: (integration?.settings as FormValue) ?? {} }),
  })
  const attempt = async (work: (entry: ConnectionEntry) => Promise<unknown>) => {
    setError(null)
    const found = checkEntered(type, { ...entry, kept })
    if (found.length > 0) return show(found)
    try {
      await work(changes())
    } catch (thrown) {
      setError(thrown)
      if (thrown instanceof ApiError && thrown.errors.length > 0) show(thrown.errors)
    }
  }
  const save = async () => {
    if (isBusy) return
    setIsBusy(true)
    await attempt(onSave)
    setIsBusy(false)
  }
  const tryOut = () => attempt((present) => test.run(() => onTest(present)))
  return {
    ...entry,
    kept,
    removed,
    faults,
    error,
    isBusy,
    test,
    change,
    save: () => void save(),
    tryOut: () => void tryOut(),
    typeAnew: (field: string) => setTypedAnew((fields) => [...fields, field]),
    remove: (field: string) => setRemoved((fields) => [...fields, field]),
    keep: (field: string) => setRemoved((fields) => fields.filter((one) => one !== field)),
  }
}

function NoOAuth({ title }: { title: string }) {
  return (
    <Alert color="honey" variant="light" icon={<IconInfoCircle aria-hidden />} title="Signing in is not set up here">
      <Text size="sm">
        To sign in at {title}, the operator of this site has to register a client there first. Until then only what you
        can fill in below works.
      </Text>
    </Alert>
  )
}

function Documentation({ type }: { type: IntegrationType }) {
  return (
    <Paper p="md" radius="md" bg="var(--ax-page)" component="section" aria-label={`About ${type.title}`}>
      <Stack gap="md" fz="sm">
        <Markdown>{type.documentation}</Markdown>
        {type.scopes.length > 0 && (
          <div>
            <Text size="sm" fw={600} mb={4}>
              Rights that the account needs
            </Text>
            <Stack gap={4} component="ul" m={0} pl="md">
              {type.scopes.map(({ name, reason }) => (
                <Text key={name} size="sm" component="li" style={{ overflowWrap: 'anywhere' }}>
                  <b>{name}</b>: {reason}
                </Text>
              ))}
            </Stack>
          </div>
        )}
        {type.tools.length > 0 && (
          <div>
            <Text size="sm" fw={600} mb={4}>
              What the agent can do with it
            </Text>
            <Stack gap={4} component="ul" m={0} pl="md">
              {type.tools.map(({ name, title, effect }) => (
                <Text key={name} size="sm" component="li">
                  {title} {effect === 'writes' && <span>(asks you first)</span>}
                </Text>
              ))}
            </Stack>
          </div>
        )}
      </Stack>
    </Paper>
  )
}
