import { randomBytes } from 'node:crypto'
import { link, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Null when there is no such file. */
export async function readFileIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

/** Writes a new file that only its owner may read, whole or not at all. Answers what the file holds: an older one is kept. */
export async function createFileOnce(path: string, text: string): Promise<string> {
  const draft = await writeDraft(path, text)
  try {
    // Unlike rename, link refuses to replace a file that came in between.
    await link(draft, path)
    await syncFolder(path)
    return text
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return await readFile(path, 'utf8')
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

export async function replaceFile(path: string, text: string): Promise<void> {
  const draft = await writeDraft(path, text)
  try {
    await rename(draft, path)
    await syncFolder(path)
  } finally {
    await rm(draft, { force: true })
  }
}

async function writeDraft(path: string, text: string): Promise<string> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  return draft
}

/** Without this a crash of the machine could lose the name of a file whose content was written. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r')
  await folder.sync().catch(() => {})
  await folder.close()
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
