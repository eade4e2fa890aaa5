import pg from 'pg'

const monthsAhead = 3

/** Makes the missing monthly partitions of `agent_logs`, from last month to three months ahead. Answers how many it made. */
export async function ensurePartitions(ownerUrl: string, now = new Date()): Promise<number> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: 'agentexpress partitions',
    connectionTimeoutMillis: 10_000,
  })
  // What breaks the connection also fails the statement; without a listener Node would end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query("set lock_timeout = '5s'")
    const firstMonth = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1)).toISOString().slice(0, 10)
    const { rows } = await client.query<{ created: number }>(
      'select app.ensure_agent_log_partitions($1::date, $2::integer) as created',
      [firstMonth, monthsAhead + 2],
    )
    return rows[0]?.created ?? 0
  } finally {
    await client.end()
  }
}
