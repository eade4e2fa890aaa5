import { queryOptions, useQuery } from '@tanstack/react-query'
import { ApiError } from '../../../api-client/src/api-error.ts'
import type { User } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { hasSessionMark, markSession, noteSignedOut, userQueryKey } from './session-state.ts'

export const userQuery = queryOptions({
  queryKey: userQueryKey,
  staleTime: 60_000,
  retry: false,
  queryFn: async ({ signal }): Promise<User | null> => {
    try {
      const user = await api('GET /api/v1/me', { signal })
      markSession(true)
      return user
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error
      markSession(false)
      return null
    }
  },
})

/** The signed-in user; null for a stranger, undefined while that is not known yet. */
export function useUser(): User | null | undefined {
  const hasMark = hasSessionMark()
  const { data, isError } = useQuery({ ...userQuery, enabled: hasMark })
  if (data !== undefined) return data
  return hasMark && !isError ? undefined : null
}

/** Ends the session here and on the server; signed out here even when the server cannot be reached. */
export async function signOut(): Promise<void> {
  await api('POST /api/v1/auth/sign-out').catch(() => undefined)
  noteSignedOut()
}
