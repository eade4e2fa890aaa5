import pg from 'pg'
import type { KeySet } from '../crypto/key-set.ts'
import { createFixedKeyring } from '../crypto/keyring.ts'
import { openSecret } from '../crypto/seal-secret.ts'
import { BackupError, reasonOf } from './backup-error.ts'
import type { BackupHeader, KeyCheck } from './backup-format.ts'
import { listEncryptionKeys, openCanaries } from './canary.ts'
import { findOtherKeys, type KeysAtHand } from './keys-at-hand.ts'

/**
 * Opens, with the keys of this machine, the canary of each encryption key in the backup and one connected account of each
 * key in the restored database. Throws when one does not open, and when this machine has none but other keys than the
 * backup's. Of keys that are not here it answers so.
 */
export async function checkSecrets(atHand: KeysAtHand, header: BackupHeader, scratchUrl: string): Promise<KeyCheck[]> {
  const { keySet } = atHand
  refuseOtherKeys(atHand, header)
  const checks = await openCanaries(keySet, header)
  const accounts = await readAccounts(scratchUrl)
  if (keySet) await openAccounts(keySet, accounts)
  return checks.map((check) => {
    const hasAccount = accounts.some(({ key_id }) => key_id === check.fingerprint)
    return check.state === 'nothing_sealed' && hasAccount ? { ...check, state: 'opened' } : check
  })
}

function refuseOtherKeys(atHand: KeysAtHand, header: BackupHeader): void {
  const others = findOtherKeys(atHand, header)
  if (others.length === 0) return
  throw new BackupError(
    `The rows came back whole, but the keys of this machine are others than the database's: ${atHand.place} has ` +
      `${others.join(', ')}, the backup belongs to ${listEncryptionKeys(header).join(', ')}. Put those there, or ` +
      `${atHand.takeAway} to verify without keys.`,
  )
}

interface Account {
  id: string
  owner_id: string
  credentials: unknown
  key_id: string
}

async function openAccounts(keySet: KeySet, accounts: Account[]): Promise<void> {
  const keyring = await createFixedKeyring(keySet)
  const here = new Set(keySet.keys.map(({ kid }) => kid))
  for (const { id, owner_id, credentials, key_id } of accounts.filter((account) => here.has(account.key_id))) {
    try {
      await openSecret(keyring, { purpose: 'integrations.credentials', rowId: id, ownerId: owner_id }, credentials)
    } catch (cause) {
      throw new BackupError(
        `The rows came back whole, but a connected account that was encrypted with the key ${key_id} cannot be read: ${reasonOf(cause)}`,
        { cause },
      )
    }
  }
}

/** The newest of each key. */
async function readAccounts(scratchUrl: string): Promise<Account[]> {
  const client = new pg.Client({ connectionString: scratchUrl })
  await client.connect()
  try {
    // The owner may be under row-level security itself; this database is for us alone and dropped afterwards.
    await client.query('alter table integrations no force row level security')
    await client.query('alter table user_agents no force row level security')
    const { rows } = await client.query<Account>(
      `select distinct on (credentials_key_id) integrations.id, user_agents.user_id as owner_id, credentials,
              credentials_key_id as key_id
       from integrations join user_agents on user_agents.id = integrations.user_agent_id
       where credentials_key_id is not null and integrations.status = 'connected'
       order by credentials_key_id, integrations.id desc`,
    )
    return rows
  } finally {
    await client.end()
  }
}
