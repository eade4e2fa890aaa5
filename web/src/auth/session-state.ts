import type { User } from '../../../api-client/src/api-types.ts'
import { queryClient } from '../query-client.ts'

export const userQueryKey = ['me'] as const

// The session itself is in httpOnly cookies, which no script can see. This mark only saves strangers a request that would be refused.
const markKey = 'ax_has_session'

export function noteSignedIn(user: User): void {
  queryClient.clear()
  markSession(true)
  queryClient.setQueryData(userQueryKey, user)
}

/** Forgets everything of the account in this tab. */
export function noteSignedOut(): void {
  markSession(false)
  queryClient.removeQueries({ predicate: (query) => query.queryKey[0] !== userQueryKey[0] })
  queryClient.setQueryData(userQueryKey, null)
}

export function hasSessionMark(): boolean {
  try {
    return localStorage.getItem(markKey) === '1'
  } catch {
    // Storage is switched off: ask the server each time.
    return true
  }
}

export function markSession(isSignedIn: boolean): void {
  try {
    if (isSignedIn) localStorage.setItem(markKey, '1')
    else localStorage.removeItem(markKey)
  } catch {
    // Storage is switched off; the mark is a saving, not a need.
  }
}
