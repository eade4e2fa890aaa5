import { readMigrations } from '../migrate.ts'
import { formatFinding, lintMigrations } from './lint-migrations.ts'

const findings = await lintMigrations(await readMigrations())
for (const finding of findings) process.stdout.write(`${finding.migration}/${formatFinding(finding)}\n`)
process.exitCode = findings.length > 0 ? 1 : 0
