import pg from 'pg'
import type { Config } from '../config.ts'
import { createFixedKeyring } from '../crypto/keyring.ts'
import { readKeySet } from '../crypto/load-keyring.ts'
import { openSecret } from '../crypto/seal-secret.ts'
import { BackupError, reasonOf } from './backup-error.ts'

/**
 * Opens one stored secret of each encryption key that the restored database uses, with the keys of this machine, and
 * throws what that says of them. Where this machine has no keys, it says that it could not look.
 */
export async function checkSecrets(
  config: Pick<Config, 'encryptionKeys' | 'dataDir'>,
  scratchUrl: string,
  say: (text: string) => void,
): Promise<void> {
  const samples = await readSamples(scratchUrl)
  if (samples.length === 0) return
  const keySet = await readKeySet(config)
  if (!keySet)
    return say('Whether connected accounts can be read was not checked: this machine has no encryption keys.')
  const keyring = await createFixedKeyring(keySet)
  for (const { id, owner_id, credentials, key_id } of samples) {
    try {
      await openSecret(keyring, { purpose: 'integrations.credentials', rowId: id, ownerId: owner_id }, credentials)
    } catch (cause) {
      throw new BackupError(
        `The rows came back whole, but a connected account that was encrypted with the key ${key_id} cannot be read: ${reasonOf(cause)}`,
        { cause },
      )
    }
  }
  say(`Connected accounts can be read with the keys of this machine (${samples.length} looked at).`)
}

interface Sample {
  id: string
  owner_id: string
  credentials: unknown
  key_id: string
}

async function readSamples(scratchUrl: string): Promise<Sample[]> {
  const client = new pg.Client({ connectionString: scratchUrl })
  await client.connect()
  try {
    // The owner may be under row-level security itself; this database is for us alone and dropped afterwards.
    await client.query('alter table integrations no force row level security')
    await client.query('alter table user_agents no force row level security')
    const { rows } = await client.query<Sample>(
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
