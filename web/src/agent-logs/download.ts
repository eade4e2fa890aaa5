import type { MouseEvent } from 'react'
import { api } from '../api.ts'
import { toastError } from '../ui/toast.ts'

/**
 * For the `onClick` of a plain link to a file: renews the session before the download begins,
 * because a link cannot do that itself and would save an error instead.
 */
export async function downloadSignedIn(event: MouseEvent<HTMLAnchorElement>) {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return
  event.preventDefault()
  const { href } = event.currentTarget
  try {
    await api('GET /api/v1/me')
    const link = document.createElement('a')
    link.href = href
    link.download = ''
    link.click()
  } catch (error) {
    toastError(error)
  }
}
