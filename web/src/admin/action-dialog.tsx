import { Button, Group, List, Modal, Stack, Text } from '@mantine/core'
import { type FormEvent, type ReactNode, useState } from 'react'
import { ApiError } from '../../../api-client/src/api-error.ts'
import { ErrorState } from '../ui/error-state.tsx'

interface ActionDialogProps {
  isOpen: boolean
  onClose: () => void
  title: string
  submitLabel: string
  /**
   * Closes the dialog when it is done, but for `false`: then something has to be corrected first. What went wrong is
   * shown in it, and nothing typed is lost.
   */
  onSubmit: () => Promise<unknown>
  isDangerous?: boolean
  /** False while something is missing. */
  isReady?: boolean
  size?: string
  /** Fields, and what will happen. */
  children: ReactNode
}

/** Asks for what an action needs and says what will happen. */
export function ActionDialog(props: ActionDialogProps) {
  const { isOpen, onClose, title, submitLabel, onSubmit, isDangerous = false, isReady = true } = props
  const [isBusy, setIsBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const close = () => {
    setError(null)
    onClose()
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (isBusy || !isReady) return
    setIsBusy(true)
    setError(null)
    try {
      if ((await onSubmit()) !== false) close()
    } catch (thrown) {
      setError(thrown)
    } finally {
      setIsBusy(false)
    }
  }
  return (
    <Modal
      opened={isOpen}
      onClose={close}
      title={<Text fw={650}>{title}</Text>}
      size={props.size ?? 'md'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form onSubmit={submit} noValidate>
        <Stack>
          {props.children}
          {error !== null && <Failure error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close} disabled={isBusy}>
              Cancel
            </Button>
            <Button type="submit" color={isDangerous ? 'red.9' : undefined} loading={isBusy} disabled={!isReady}>
              {submitLabel}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

/** An error with each of its faults. */
export function Failure({ error }: { error: unknown }) {
  const faults = error instanceof ApiError ? error.errors : []
  return (
    <Stack gap="xs">
      <ErrorState error={error} />
      {faults.length > 0 && (
        <List size="sm" c="var(--mantine-color-error)">
          {faults.map(({ path, message }) => (
            <List.Item key={`${path} ${message}`}>{message}</List.Item>
          ))}
        </List>
      )}
    </Stack>
  )
}
