import { notifications } from '@mantine/notifications'
import { describeError } from './describe-error.ts'

const common = { withBorder: true, closeButtonProps: { 'aria-label': 'Close the note' } }

/** A short note that something worked. */
export function toastDone(message: string): void {
  notifications.show({ message, color: 'spruce', autoClose: 4000, ...common })
}

/** What went wrong, with what to do next. */
export function toastError(error: unknown): void {
  const { title, detail } = describeError(error)
  notifications.show({ title, message: detail, color: 'red', autoClose: 9000, ...common })
}
