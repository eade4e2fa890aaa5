import type { Connection, IntegrationType } from '../../integration-type.ts'
import { maxSqlLength } from './check-statement.ts'
import { describeTable, listTables } from './describe-tables.ts'
import { maxSeconds, withDatabase } from './open-database.ts'
import { maxRows, runStatement } from './run-statement.ts'

export const postgresqlType: IntegrationType = {
  type: 'postgresql',
  title: 'PostgreSQL',
  description: 'Lets an agent look into a PostgreSQL database, without changing anything.',
  icon: 'database',
  documentation: `Make a role of its own that can only read, and connect with it:

\`\`\`sql
create role agent_reader login password '...';
alter role agent_reader set default_transaction_read_only = on;
grant usage on schema public to agent_reader;
grant select on all tables in schema public to agent_reader;
\`\`\`

Grant it no more than the agent shall see: single tables, or views without what is personal. A superuser, or a role that may use the files of its server, is refused.

The agent runs **one query at a time**: SELECT, WITH, VALUES, TABLE, EXPLAIN (without ANALYZE) and SHOW. Each runs in a read-only transaction with a time limit that is rolled back; functions that may change something are refused. What is in the tables may have been written by strangers: after reading it, each tool that changes something asks you first.

**Encryption**: *verify-full* checks the certificate of the server; where your provider has an authority of its own (Amazon RDS, Supabase, Aiven ...), paste its certificate. *require* encrypts without knowing who is at the other end, so that somebody in between could read everything, the password too. *disable* works only with servers in a private network that the operator of this server allowed.`,
  settings: {
    type: 'object',
    properties: {
      host: { type: 'string', title: 'Server', description: 'Such as db.example.com', maxLength: 260 },
      port: { type: 'integer', title: 'Port', default: 5432, minimum: 1024, maximum: 65_535 },
      database: { type: 'string', title: 'Database', maxLength: 63 },
      user: { type: 'string', title: 'User', description: 'A role that can only read', maxLength: 200 },
      ssl: {
        type: 'string',
        title: 'Encryption',
        enum: ['verify-full', 'require', 'disable'],
        enum_titles: {
          'verify-full': 'Encrypted, and the server proves who it is (verify-full)',
          require: 'Encrypted, without a proof (require)',
          disable: 'Not encrypted (disable)',
        },
        default: 'verify-full',
      },
      ca_certificate: {
        type: 'string',
        title: 'Certificate of the authority',
        format: 'textarea',
        description:
          'Only where the server has a certificate of an authority of its own: -----BEGIN CERTIFICATE----- ...',
        maxLength: 20_000,
        shown_when: { field: 'ssl', is: ['verify-full'] },
      },
      schemas: {
        type: 'array',
        title: 'Which schemas may it read?',
        description: 'Empty: all that the user can read',
        items: { type: 'string', title: 'Schema', maxLength: 63 },
        maxItems: 50,
        uniqueItems: true,
      },
      row_limit: { type: 'integer', title: 'At most how many rows?', default: 100, minimum: 1, maximum: maxRows },
      time_limit: { type: 'integer', title: 'At most how many seconds?', default: 10, minimum: 1, maximum: maxSeconds },
    },
    required: ['host', 'port', 'database', 'user'],
  },
  credentials: {
    type: 'object',
    properties: { password: { type: 'string', title: 'Password', format: 'password', maxLength: 1000 } },
    required: ['password'],
  },
  destination: ['host', 'port'],
  scopes: [
    { name: 'CONNECT', reason: 'Signing in to the database' },
    { name: 'USAGE', reason: 'Seeing the schemas it shall read' },
    { name: 'SELECT', reason: 'Reading the tables it shall read' },
  ],
  check({ settings, credentials }) {
    const faults = []
    for (const name of ['host', 'database', 'user'])
      if (/\p{Cc}/u.test(String(settings[name] ?? '')))
        faults.push({ path: `/settings/${name}`, message: 'Has characters that cannot be there.' })
    if (String(credentials.password ?? '').includes('\0'))
      faults.push({ path: '/credentials/password', message: 'Has characters that cannot be in a password.' })
    const ca = String(settings.ca_certificate ?? '').trim()
    if (ca && !/^-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----$/.test(ca))
      faults.push({ path: '/settings/ca_certificate', message: 'Must begin with -----BEGIN CERTIFICATE-----.' })
    return faults
  },
  test: testDatabase,
  tools: [
    {
      name: 'list_tables',
      title: 'List tables',
      description:
        'Gives back the tables and views that can be read, with their comments and about how many rows they have.',
      inputSchema: { type: 'object', properties: {}, additionalProperties: false },
      effect: 'reads',
      isUntrusted: true,
      execute: async (_input, connection) => listTables(connection),
    },
    {
      name: 'describe_table',
      title: 'Describe a table',
      description: 'Gives back columns, types and constraints of one table or view.',
      inputSchema: {
        type: 'object',
        properties: { table: { type: 'string', maxLength: 63 }, schema: { type: 'string', maxLength: 63 } },
        required: ['table'],
        additionalProperties: false,
      },
      effect: 'reads',
      isUntrusted: true,
      execute: async (input, connection) => describeTable(input, connection),
    },
    {
      name: 'query',
      title: 'Run a query',
      description:
        'Runs one query that only reads (SELECT, WITH, VALUES, TABLE, EXPLAIN, SHOW) in the dialect of PostgreSQL and gives back columns and rows. is_cut: there are more rows. Numbers that JSON cannot hold come as text.',
      inputSchema: {
        type: 'object',
        properties: { sql: { type: 'string', maxLength: maxSqlLength } },
        required: ['sql'],
        additionalProperties: false,
      },
      effect: 'reads',
      isUntrusted: true,
      execute: async (input, connection) => runStatement(input, connection),
    },
  ],
}

async function testDatabase(connection: Connection) {
  const [found] = await withDatabase(connection, ({ query }) =>
    query<{ name: string; database: string; version: string; can_write: string }>(`
      select current_user as name, current_database() as database, current_setting('server_version') as version,
        exists (
          select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
          where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema')
            and pg_catalog.has_table_privilege(c.oid, 'insert, update, delete, truncate')
        )::text as can_write`),
  )
  const message = `Signed in to ${found?.database} as ${found?.name} (PostgreSQL ${found?.version}).`
  if (found?.can_write !== 'true') return { message }
  return { message: `${message} This role could also change tables: better connect with one that can only read.` }
}
