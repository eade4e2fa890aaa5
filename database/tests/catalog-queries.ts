import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject, onTestFinished } from 'vitest'
import { readCatalog } from '../../server/src/database/migrations/read-catalog.ts'

/** Opens a connection of its own for one test and closes it afterwards. */
export async function connectForTest(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

export async function query<Row extends pg.QueryResultRow>(
  connectionString: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}

/** An empty database for one test; answers the URL of its owner. */
export async function createEmptyDatabase(): Promise<string> {
  const name = `empty_${randomBytes(6).toString('hex')}`
  const url = new URL(inject('ownerUrl'))
  url.pathname = '/postgres'
  await query(url.href, `create database ${name} template template0`)
  onTestFinished(async () => {
    await query(url.href, `drop database ${name} with (force)`)
  })
  const own = new URL(url)
  own.pathname = `/${name}`
  return own.href
}

/** Everything a migration can change, as sorted lines; without PostgreSQL's own objects and the ledger. */
export async function dumpCatalog(connectionString: string): Promise<string[]> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return (await readCatalog(client)).map(({ object, definition }) => `${object}: ${definition}`)
  } finally {
    await client.end()
  }
}
