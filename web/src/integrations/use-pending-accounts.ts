import { useEffect, useState } from 'react'
import type { IntegrationType } from '../../../api-client/src/api-types.ts'
import type { ResponseOf } from '../../../api-client/src/route-types.ts'
import { api } from '../api.ts'
import type { ConnectionEntry } from './connection-dialog.tsx'

/** An account that was filled in before the user agent exists. */
export interface PendingAccount {
  key: number
  type: IntegrationType
  entry: ConnectionEntry
  /** What the server said when it was to be stored. */
  error?: unknown
}

export type StoredAccount = ResponseOf<'POST /api/v1/user-agents/:id/integrations'>

/**
 * Accounts of a user agent that is only being set up. They live in this page alone: passwords belong into no storage of the
 * browser. What cannot be stored stays here, with what was said about it.
 */
export function usePendingAccounts() {
  const [accounts, setAccounts] = useState<PendingAccount[]>([])
  const [nextKey, setNextKey] = useState(1)
  useAskBeforeLeaving(accounts.length > 0)

  const add = (type: IntegrationType, entry: ConnectionEntry) => {
    setAccounts((all) => [...all, { key: nextKey, type, entry }])
    setNextKey((key) => key + 1)
  }
  const replace = (key: number, entry: ConnectionEntry) =>
    setAccounts((all) =>
      all.map((account) => (account.key === key ? { ...account, entry, error: undefined } : account)),
    )
  const remove = (key: number) => setAccounts((all) => all.filter((account) => account.key !== key))

  /** Stores each by itself, so that one that is refused holds up no other. Answers how it went. */
  const store = async (userAgentId: string): Promise<{ stored: StoredAccount[]; hasFailed: boolean }> => {
    const stored: StoredAccount[] = []
    const failed: PendingAccount[] = []
    for (const account of accounts) {
      const { name, settings, credentials } = account.entry
      try {
        const created = await api('POST /api/v1/user-agents/:id/integrations', {
          params: { id: userAgentId },
          body: { type: account.type.type, settings, credentials, ...(name !== '' && { name }) },
        })
        stored.push(created)
        // A test lists the tools of its server, which the first question may need. What it finds is shown with the account.
        if (account.type.lists_tools && !created.needs_authorization)
          await api('POST /api/v1/user-agents/:id/integrations/:integration_id/test', {
            params: { id: userAgentId, integration_id: created.id },
          }).catch(() => null)
      } catch (error) {
        failed.push({ ...account, error })
      }
    }
    setAccounts(failed)
    return { stored, hasFailed: failed.length > 0 }
  }
  return { accounts, add, replace, remove, store }
}

/** The browser asks whether the page may be closed or reloaded. */
function useAskBeforeLeaving(isNeeded: boolean): void {
  useEffect(() => {
    if (!isNeeded) return
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [isNeeded])
}
