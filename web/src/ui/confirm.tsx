import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { toastError } from './toast.ts'

interface ConfirmProps {
  isOpen: boolean
  onClose: () => void
  title: string
  /** What will be gone and what stays. */
  children: ReactNode
  confirmLabel: string
  /** The dialog stays open until it is done; an error is shown and nothing is closed. */
  onConfirm: () => unknown
  isDangerous?: boolean
}

/** Asks before something that cannot be taken back. */
export function Confirm({
  isOpen,
  onClose,
  title,
  children,
  confirmLabel,
  onConfirm,
  isDangerous = true,
}: ConfirmProps) {
  const [isBusy, setIsBusy] = useState(false)
  const confirm = async () => {
    setIsBusy(true)
    try {
      await onConfirm()
      onClose()
    } catch (error) {
      toastError(error)
    } finally {
      setIsBusy(false)
    }
  }
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={<Text fw={650}>{title}</Text>}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack>
        <Text component="div">{children}</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} disabled={isBusy}>
            Cancel
          </Button>
          <Button color={isDangerous ? 'red.9' : undefined} onClick={confirm} loading={isBusy} data-autofocus>
            {confirmLabel}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
