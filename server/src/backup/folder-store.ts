import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { readFileIfPresent, replaceFile } from '../auth/secret-file.ts'
import { BackupError, reasonOf } from './backup-error.ts'
import { type BackupStore, leftoverAgeMs, type StoredFile } from './backup-store.ts'

const unfinished = '.part'

export class FolderStore implements BackupStore {
  readonly label: string
  constructor(folder: string) {
    this.label = folder
  }

  async list(): Promise<StoredFile[]> {
    const names = await readdir(this.label).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw new BackupError(`The folder ${this.label} of backups cannot be read: ${error.message}`, { cause: error })
    })
    const files: StoredFile[] = []
    for (const name of names.filter((name) => !name.endsWith(unfinished)).sort()) {
      const found = await stat(join(this.label, name)).catch(() => null)
      if (found?.isFile()) files.push({ name, bytes: found.size, modifiedAt: found.mtime })
    }
    return files
  }

  async read(name: string): Promise<Readable> {
    return openFile(join(this.label, name))
  }

  async write(name: string, content: Readable): Promise<void> {
    const path = join(this.label, name)
    try {
      await mkdir(this.label, { recursive: true, mode: 0o700 })
      await pipeline(content, createWriteStream(`${path}${unfinished}`, { flags: 'wx', mode: 0o600, flush: true }))
      await rename(`${path}${unfinished}`, path)
      await this.#sync()
    } catch (cause) {
      content.destroy()
      await rm(`${path}${unfinished}`, { force: true }).catch(() => {})
      throw describeWriteError(this.label, cause)
    }
  }

  readText(name: string): Promise<string | null> {
    return readFileIfPresent(join(this.label, name))
  }

  async writeText(name: string, text: string): Promise<void> {
    await mkdir(this.label, { recursive: true, mode: 0o700 })
    await replaceFile(join(this.label, name), text).catch((cause: unknown) => {
      throw describeWriteError(this.label, cause)
    })
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.label, name), { force: true })
  }

  async removeLeftovers(now = new Date()): Promise<number> {
    const names = await readdir(this.label).catch(() => [])
    let removed = 0
    for (const name of names.filter((name) => name.endsWith(unfinished))) {
      const found = await stat(join(this.label, name)).catch(() => null)
      if (!found || now.getTime() - found.mtimeMs < leftoverAgeMs) continue
      await rm(join(this.label, name), { force: true })
      removed++
    }
    return removed
  }

  /** Without this a crash of the machine could lose the name of a file whose content was written. */
  async #sync(): Promise<void> {
    const folder = await open(this.label, 'r')
    await folder.sync().catch(() => {})
    await folder.close()
  }
}

async function openFile(path: string): Promise<Readable> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw new BackupError(
      cause.code === 'ENOENT' ? `There is no backup ${path}.` : `The backup ${path} cannot be read: ${cause.message}`,
      { cause },
    )
  })
  return createReadStream('', { fd: file, highWaterMark: 256 * 1024 })
}

/** An error of the content passes as it is. */
function describeWriteError(folder: string, cause: unknown): unknown {
  const code = (cause as NodeJS.ErrnoException | null)?.code
  const reasons: Record<string, string> = {
    ENOSPC: 'the disk is full. Free some space, lower BACKUP_KEEP or set BACKUP_DIR to a larger disk',
    EDQUOT: 'the quota of this user is used up. Set BACKUP_DIR to another disk',
    EFBIG: 'the file system takes no file that large. Set BACKUP_DIR to another disk',
    EACCES: 'this user may not write there. Change its owner or set BACKUP_DIR to another folder',
    EPERM: 'this user may not write there. Change its owner or set BACKUP_DIR to another folder',
    EROFS: 'it is read-only. Set BACKUP_DIR to another folder',
    ENOTDIR: 'it is no folder. Set BACKUP_DIR to another one',
    EEXIST: 'it is no folder, or another backup is being written there at this moment',
    EIO: 'the disk reports an error (EIO)',
  }
  const reason = code === undefined ? undefined : reasons[code]
  if (!reason) return cause
  return new BackupError(
    `The backup could not be written to ${folder}: ${reason}. Nothing was kept of it. (${reasonOf(cause)})`,
    { cause },
  )
}
