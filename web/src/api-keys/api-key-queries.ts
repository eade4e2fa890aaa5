import { queryOptions } from '@tanstack/react-query'
import type { ApiKey } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'

export const apiKeysQuery = queryOptions({
  queryKey: ['api-keys'],
  queryFn: ({ signal }) => api('GET /api/v1/api-keys', { signal }),
})

export type KeyState = 'active' | 'expired' | 'revoked'

export function stateOf(key: Pick<ApiKey, 'revoked_at' | 'expires_at'>, now: Date): KeyState {
  if (key.revoked_at) return 'revoked'
  if (key.expires_at && new Date(key.expires_at) <= now) return 'expired'
  return 'active'
}
