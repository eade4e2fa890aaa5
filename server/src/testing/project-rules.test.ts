import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { makeDocuments, root, sourceFiles } from './project-documents.ts'

test('documents that are made from the code are up to date (npm run docs)', async () => {
  for (const [path, content] of Object.entries(await makeDocuments())) {
    expect(await readFile(join(root, path), 'utf8'), path).toBe(content)
  }
})

test('the tree in ARCHITECTURE.md has no dead path', async () => {
  const text = await readFile(join(root, 'ARCHITECTURE.md'), 'utf8')
  const tree = /```\n([\s\S]*?)```/.exec(text)?.[1] ?? ''
  const folders: string[] = []
  const paths: string[] = []
  for (const line of tree.split('\n')) {
    const match = /^( *)((?:[\w./-]+(?: {2}(?=[a-z-]+\/))?)+)/.exec(line)
    if (!match?.[2]) continue
    const depth = (match[1] ?? '').length / 2
    const names = match[2].trim().split(/\s{2,}/)
    for (const name of names) paths.push(join(...folders.slice(0, depth), name))
    folders[depth] = names[0] ?? ''
  }
  expect(paths.length).toBeGreaterThan(20)
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
})

test('a noun uses the queries and schemas of another, never its routes', async () => {
  const faults: string[] = []
  for (const path of await sourceFiles()) {
    if (path.endsWith('/app.ts')) continue
    const text = await readFile(path, 'utf8')
    for (const [, imported = ''] of text.matchAll(/from '(\.\.\/[^']*-routes\.ts)'/g)) {
      faults.push(`${relative(root, path)} imports ${imported}`)
    }
  }
  expect(faults).toEqual([])
})

test('the runtime reaches the database only where a run begins and ends, and for its memories', async () => {
  const allowed = [
    'run-agent.ts',
    'load-run.ts',
    'continue-run.ts',
    'save-run-end.ts',
    'run-memories.ts',
    'configured-agents.ts',
    'unsettled-runs.ts',
  ].map((name) => `server/src/runtime/${name}`)
  const offenders: string[] = []
  for (const path of await sourceFiles()) {
    const name = relative(root, path)
    if (!name.startsWith('server/src/runtime/') || allowed.includes(name)) continue
    if (/from '[^']*(database\/(?!types|uuid-v7)|-queries)/.test(await readFile(path, 'utf8'))) offenders.push(name)
  }
  expect(offenders).toEqual([])
})
