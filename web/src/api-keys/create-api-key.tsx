import { Alert, Button, Code, Group, Modal, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { IconShieldLock } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../api.ts'
import { fieldFaults } from '../auth/field-faults.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { apiKeysQuery } from './api-key-queries.ts'

const lifetimes = [
  { value: '30', label: 'In 30 days' },
  { value: '90', label: 'In 90 days' },
  { value: '365', label: 'In a year' },
  { value: '', label: 'Never' },
]

interface CreateApiKeyProps {
  isOpen: boolean
  onClose: () => void
  onCreated: (key: string) => void
}

/** Asks for a name, then shows the key: the only time that it can be read. */
export function CreateApiKey({ isOpen, onClose, onCreated }: CreateApiKeyProps) {
  const [key, setKey] = useState<string | null>(null)
  const close = () => {
    setKey(null)
    onClose()
  }
  return (
    <Modal
      opened={isOpen}
      onClose={close}
      title={<Text fw={650}>{key ? 'Your new API key' : 'Create API key'}</Text>}
      closeButtonProps={{ 'aria-label': 'Close' }}
      // A slip beside the window would lose a key that cannot be shown again.
      closeOnClickOutside={key === null}
      size="lg"
    >
      {key ? (
        <CreatedKey apiKey={key} onDone={close} />
      ) : (
        <CreateForm
          onCancel={close}
          onCreated={(created) => {
            setKey(created)
            onCreated(created)
          }}
        />
      )}
    </Modal>
  )
}

function CreateForm({ onCancel, onCreated }: { onCancel: () => void; onCreated: (key: string) => void }) {
  const queryClient = useQueryClient()
  const form = useForm({
    initialValues: { name: '', lifetime: '90' },
    validate: { name: (value) => (value.trim() === '' ? 'Please say what the key is for.' : null) },
  })
  const create = useMutation({
    mutationFn: ({ name, lifetime }: typeof form.values) =>
      api('POST /api/v1/api-keys', {
        body: { name: name.trim(), ...(lifetime === '' ? {} : { expires_at: inDays(Number(lifetime)) }) },
      }),
    onSuccess: ({ key }) => {
      void queryClient.invalidateQueries({ queryKey: apiKeysQuery.queryKey })
      onCreated(key)
    },
    onError: (error) => form.setErrors(fieldFaults(error)),
  })
  const hasFaults = Object.keys(form.errors).length > 0
  return (
    <form onSubmit={form.onSubmit((values) => create.mutate(values))} noValidate>
      <Stack>
        {create.error && !hasFaults && <ErrorState error={create.error} />}
        <TextInput
          label="Name"
          description="What will use it, so that you know it again."
          placeholder="Shop backend"
          maxLength={100}
          data-autofocus
          {...form.getInputProps('name')}
        />
        <NativeSelect label="Expires" data={lifetimes} {...form.getInputProps('lifetime')} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onCancel} disabled={create.isPending}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create key
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function CreatedKey({ apiKey, onDone }: { apiKey: string; onDone: () => void }) {
  return (
    <Stack>
      <Alert icon={<IconShieldLock aria-hidden />} title="Copy it now">
        <Text size="sm">
          It cannot be shown again. Keep it where you keep passwords. Until you leave this page it also stands in the
          examples.
        </Text>
      </Alert>
      <Code block style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }} data-testid="new-api-key">
        {apiKey}
      </Code>
      <Group justify="flex-end">
        <CopyButton text={apiKey} label="Copy key" size="sm" />
        <Button onClick={onDone} data-autofocus>
          I have copied it
        </Button>
      </Group>
    </Stack>
  )
}

function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString()
}
