import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { readConfig } from '../config.ts'
import { errorTable } from '../errors.ts'
import { createIntegrationTypes } from '../integrations/integration-types.ts'
import { describeIntegrationType, listIntegrationTypes } from './integration-documents.ts'

export const root = join(import.meta.dirname, '../../..')

const typesMark = /<!-- types -->[\s\S]*<!-- \/types -->/
const asSystemMark = /<!-- as-system -->[\s\S]*<!-- \/as-system -->/

/** The documents that are made from the code, as they should be: path in the project to content. */
export async function makeDocuments(): Promise<Record<string, string>> {
  const rls = await readFile(join(root, 'docs/row-level-security.md'), 'utf8')
  const integrations = await readFile(join(root, 'docs/integrations.md'), 'utf8')
  const types = createIntegrationTypes(readConfig({}))
  return {
    'docs/integrations.md': integrations.replace(
      typesMark,
      `<!-- types -->\n${listIntegrationTypes(types)}\n<!-- /types -->`,
    ),
    ...Object.fromEntries(types.map((type) => [`docs/integrations/${type.type}.md`, describeIntegrationType(type)])),
    'docs/error-codes.md': errorCodes(),
    'docs/row-level-security.md': rls.replace(
      asSystemMark,
      `<!-- as-system -->\n${await asSystemUses()}\n<!-- /as-system -->`,
    ),
  }
}

function errorCodes(): string {
  const rows = Object.entries(errorTable).map(
    ([code, [status, title, action]]) => `| \`${code}\` | ${status} | ${title} | ${action} |`,
  )
  return [
    '# Error codes',
    '',
    'Codes are stable. An error of the API is `application/problem+json` with `code`, `title`, `detail` (what to do next) and',
    '`request_id`; a run that failed has the code in its log. Made by `npm run docs` from `server/src/errors.ts`.',
    '',
    '| Code | Status | What happened | What to do next |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

/** Reasons are written in place, or as a constant beside the call. */
async function asSystemUses(): Promise<string> {
  const rows: string[] = []
  for (const path of await sourceFiles()) {
    const text = await readFile(path, 'utf8')
    for (const [, argument = ''] of text.matchAll(/\.asSystem\(\s*('[^']*'|[\w.]+)/g)) {
      rows.push(`| \`${relative(root, path)}\` | ${readReason(text, argument)} |`)
    }
  }
  return ['| File | Reason |', '|---|---|', ...new Set(rows.sort())].join('\n')
}

function readReason(text: string, argument: string): string {
  if (argument.startsWith("'")) return argument.slice(1, -1)
  const constant = new RegExp(`const ${argument}\\s*=\\s*'([^']*)'`).exec(text)
  if (!constant?.[1]) throw new Error(`The reason of asSystem(${argument}) is no text beside it.`)
  return constant[1]
}

export async function sourceFiles(): Promise<string[]> {
  const folder = join(root, 'server/src')
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && /\.ts$/.test(entry.name) && !/(\.test|-testing)\.ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('/testing/') && !path.includes('test-providers'))
    .sort()
}

if (process.argv[1] === import.meta.filename) {
  await mkdir(join(root, 'docs/integrations'), { recursive: true })
  for (const [path, content] of Object.entries(await makeDocuments())) await writeFile(join(root, path), content)
}
