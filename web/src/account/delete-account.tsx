import { Alert, Button, Group, List, Modal, PasswordInput, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { ApiError } from '../../../api-client/src/api-error.ts'
import { api } from '../api.ts'
import { AuthError } from '../auth/auth-error.tsx'
import { noteSignedOut } from '../auth/session-state.ts'
import { useWait } from '../auth/use-wait.ts'
import { toastDone } from '../ui/toast.ts'
import { Section } from './section.tsx'

export function DeleteAccount() {
  const [isOpen, { open, close }] = useDisclosure(false)
  return (
    <Section title="Delete account" description="Ends this account and everything in it, at once and for good.">
      <Group>
        <Button variant="outline" color="red" onClick={open}>
          Delete my account
        </Button>
      </Group>
      <Modal
        opened={isOpen}
        onClose={close}
        title={<Text fw={650}>Delete your account?</Text>}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <DeleteForm onCancel={close} />
      </Modal>
    </Section>
  )
}

function DeleteForm({ onCancel }: { onCancel: () => void }) {
  const navigate = useNavigate()
  const [password, setPassword] = useState('')
  const remove = useMutation({
    mutationFn: () => api('DELETE /api/v1/me', { body: { password } }),
    onSuccess: async () => {
      noteSignedOut()
      await navigate({ to: '/' })
      toastDone('Your account is deleted.')
    },
  })
  const waitSeconds = useWait(remove.error)
  const isWrong = remove.error instanceof ApiError && remove.error.code === 'wrong_credentials'
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (password !== '') remove.mutate()
  }
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title="This cannot be taken back">
          <List size="sm" spacing={4}>
            <List.Item>Your agents, their settings and connected accounts are deleted.</List.Item>
            <List.Item>Every conversation and log is deleted.</List.Item>
            <List.Item>Your API keys stop working at once.</List.Item>
            <List.Item>Agents you made that others use stay with them, without your name.</List.Item>
          </List>
        </Alert>
        {remove.error && !isWrong && <AuthError error={remove.error} waitSeconds={waitSeconds} />}
        <PasswordInput
          label="Your password"
          description="To make sure that it is you."
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={isWrong ? 'This is not your password.' : undefined}
          data-autofocus
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onCancel} disabled={remove.isPending}>
            Cancel
          </Button>
          <Button type="submit" color="red.8" loading={remove.isPending} disabled={password === '' || waitSeconds > 0}>
            Delete my account
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
